"""The private broker, and the virtual host on a broker that runs here."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pika
import pytest

from hub.ground import broker as ladder
from hub.ground.state import State
from hub.settings import HubSettings
from shared import topology
from shared.servers import broker as servers
from shared.servers.broker import ContainerBroker, PrivateBroker
from shared.servers.control import local_control
from shared.servers.programs import ServerFailed, answers
from shared.testing.servers import broker_control, virtual_host


@pytest.fixture
def node() -> Iterator[PrivateBroker]:
    if not PrivateBroker.installed():
        pytest.skip("RabbitMQ's programs are not installed: the tests run against a broker elsewhere")
    made = PrivateBroker(Path(tempfile.mkdtemp(prefix="hub-broker-"))).start()
    yield made
    made.destroy()


def test_confirmed_messages_survive_a_kill_of_the_private_node(node: PrivateBroker) -> None:
    queue = topology.WORK_QUEUES[0].name
    topology.apply(node.url)
    with pika.BlockingConnection(pika.URLParameters(node.url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for n in range(20):
            channel.basic_publish("", queue, str(n).encode(), pika.BasicProperties(delivery_mode=2), mandatory=True)
    node.kill()
    assert not answers(node.port)
    node.start()
    with pika.BlockingConnection(pika.URLParameters(node.url)) as connection:
        channel = connection.channel()
        held: list[int] = []
        for _, _, body in channel.consume(queue, inactivity_timeout=10):
            assert body is not None, f"only {len(held)} of 20 came back"
            held.append(int(body))
            if len(held) == 20:
                break
        channel.cancel()
    assert held == list(range(20))


def test_the_private_node_runs_beside_the_machines_own_and_leaves_nothing_running(node: PrivateBroker) -> None:
    node.control.create_vhost("another", "someone", "secret")
    assert set(node.control.vhosts()) == {node.vhost, "another"}
    assert PrivateBroker(node.directory).start().pid == node.pid  # adopted, not started twice
    pid, (amqp, distribution, mapper) = node.pid, node.ports
    node.stop()
    assert pid is not None
    assert node.pid is None
    assert not any(answers(port) for port in (amqp, distribution, mapper))


def test_a_running_broker_gets_one_virtual_host_of_ours_which_clean_removes(tmp_path: Path) -> None:
    if not answers(ladder.AMQP_PORT) or (control := local_control()) is None:
        pytest.skip("no broker runs here on which we may make a virtual host")
    settings = HubSettings(var=tmp_path, secrets=tmp_path / "secrets", vhost="hub_test_ground")
    state, said = State(), list[str]()
    ladder.ensure_broker(settings, state, said.append)
    url = state.amqp_url
    ladder.ensure_broker(settings, state, said.append)
    assert (state.broker, state.amqp_url) == ("vhost", url)
    assert "hub_test_ground" in control.vhosts()
    topology.apply(url)
    ladder.stop_broker(settings, state)
    assert answers(ladder.AMQP_PORT), "the machine's own broker was stopped"
    ladder.remove_broker(settings, state)
    assert "hub_test_ground" not in control.vhosts()


def test_a_named_broker_is_used_as_it_is(tmp_path: Path) -> None:
    state = State()
    ladder.ensure_broker(HubSettings(var=tmp_path, amqp_url="amqp://u:p@elsewhere/v"), state, lambda line: None)
    assert (state.broker, state.amqp_url) == ("given", "amqp://u:p@elsewhere/v")


def test_without_any_step_of_the_ladder_the_error_says_what_would_help(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ladder, "answers", lambda port: False)
    monkeypatch.setattr(PrivateBroker, "installed", staticmethod(lambda: False))
    monkeypatch.setattr(servers, "may_install", lambda: False)
    monkeypatch.setattr(ContainerBroker, "available", lambda self: False)
    with pytest.raises(ServerFailed, match="HUB_AMQP_URL"):
        ladder.ensure_broker(HubSettings(var=tmp_path), State(), lambda line: None)


def test_a_test_broker_is_a_virtual_host_of_its_own_and_gone_afterwards() -> None:
    if (control := broker_control()) is None:
        pytest.skip("the given broker cannot be managed")
    with virtual_host() as first, virtual_host() as second:
        assert first != second
        for url in (first, second):
            pika.BlockingConnection(pika.URLParameters(url)).close()
        names = {pika.URLParameters(url).virtual_host for url in (first, second)}
        assert names <= set(control.vhosts())
    assert not names & set(control.vhosts())
