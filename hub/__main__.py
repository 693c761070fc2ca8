"""`python -m hub`: the command `hub`, where its script is not installed."""

from hub.main import app

if __name__ == "__main__":
    app(prog_name="hub")
