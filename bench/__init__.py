"""The benchmarks: `python -m bench [row …] [--quick] [--json]`. Each row measures the hub and a bare baseline on the
same servers in the same run, so that what counts, the ratio, depends little on the machine. Never imported by the
product.
"""
