"""Which broker the hub uses, by a ladder: named, running here, installed here, to be installed, in a container."""

from __future__ import annotations

import secrets
from contextlib import suppress

from hub.ground.state import Say, State, write_secret
from hub.settings import HubSettings
from shared.servers import broker as servers
from shared.servers.broker import ContainerBroker, PrivateBroker
from shared.servers.control import local_control
from shared.servers.programs import LOCAL, ServerFailed, answers

AMQP_PORT = 5672


def ensure_broker(settings: HubSettings, state: State, say: Say) -> None:
    """See that a broker with a virtual host for the hub runs and note its URL.

    Raises ServerFailed, naming what would help, when no step of the ladder can be taken.
    """
    if settings.amqp_url:
        state.amqp_url, state.broker = settings.amqp_url, "given"
        say("RabbitMQ: the broker named by HUB_AMQP_URL, used as it is")
    elif not (_again(settings, state, say) or _own_vhost(settings, state, say)):
        if not PrivateBroker.installed() and servers.may_install():
            say("RabbitMQ: none here, installing it from the distribution (apt-get install rabbitmq-server) …")
            with suppress(ServerFailed):  # a container may still do; if not, the error below says what to do
                servers.install()
        if not (_private_node(settings, state, say) or _container(settings, state, say)):
            raise ServerFailed(
                "no broker: start one on port 5672, name one in HUB_AMQP_URL, install rabbitmq-server "
                "(root or sudo), or start docker"
            )


def stop_broker(settings: HubSettings, state: State) -> None:
    """Stop a private node or container; the machine's own broker is left running."""
    if state.broker == "private":
        PrivateBroker(settings.var / "broker").stop()
    elif state.broker == "container":
        ContainerBroker(settings.var / "broker").stop()


def remove_broker(settings: HubSettings, state: State) -> None:
    """Remove what the hub made: its virtual host and user on the machine's broker, its private node or container."""
    if state.broker == "vhost" and (control := local_control()) is not None:
        control.delete_vhost(settings.vhost, settings.vhost)
    elif state.broker == "private":
        PrivateBroker(settings.var / "broker").destroy()
    elif state.broker == "container":
        ContainerBroker(settings.var / "broker").stop()


def _again(settings: HubSettings, state: State, say: Say) -> bool:
    """Take what the last start used, so that messages it left are found again."""
    if state.broker == "private" and PrivateBroker.installed():
        return _private_node(settings, state, say)
    return False


def _own_vhost(settings: HubSettings, state: State, say: Say) -> bool:
    if not answers(AMQP_PORT):
        return False
    control = local_control()
    if control is None:
        say("RabbitMQ: one runs here, but this user may not make a virtual host on it")
        return False
    path = settings.secrets / "amqp_password"
    if not path.exists():
        write_secret(path, secrets.token_hex(16).encode())
    password = path.read_text()
    control.create_vhost(settings.vhost, settings.vhost, password)
    state.amqp_url = f"amqp://{settings.vhost}:{password}@{LOCAL}:{AMQP_PORT}/{settings.vhost}"
    state.broker = "vhost"
    say(f"RabbitMQ: the broker that runs here, in a virtual host of ours ({settings.vhost})")
    return True


def _private_node(settings: HubSettings, state: State, say: Say) -> bool:
    if not PrivateBroker.installed():
        return False
    node = PrivateBroker(settings.var / "broker")
    state.amqp_url, state.broker = node.start().url, "private"
    say(f"RabbitMQ: the installed one as a private node on port {node.port}, data in {node.directory}")
    return True


def _container(settings: HubSettings, state: State, say: Say) -> bool:
    container = ContainerBroker(settings.var / "broker")
    if not container.available():
        return False
    state.amqp_url, state.broker = container.start().url, "container"
    say(f"RabbitMQ: container {container.name} on port {container.port}")
    return True
