"""What is secret in an address, its login and its signature, is shown nowhere; who works with it has it whole."""

import json
from dataclasses import replace

from reconciler.model.actions import InstallOs, RootImage, TellCluster
from reconciler.model.history import Phase
from reconciler.model.kinds import KINDS
from reconciler.model.machine import MachineView, Observation
from reconciler.model.plan import Act, Plan, Wait
from reconciler.model.tree import SpecTree
from reconciler.planning.planner import plan
from reconciler.render.observation import dump_observation, load_observation
from reconciler.render.plan_json import plan_json
from reconciler.render.plan_markdown import plan_markdown
from reconciler.render.plan_text import plan_text

from ..planning.build import NOW, cluster, given, holding, in_phase, machine, tree, with_history

URL = "http://ci:hunter2@192.0.2.2/root.tar?sig=hunter2"
SHOWN = "http://***@192.0.2.2/root.tar?***"


def from_an_image() -> SpecTree:
    image = {"url": URL, "sha256": "a" * 64}
    profile = {"role": "controller", "installer": "image", "image": image}
    spec = tree({"cl1": cluster(controller={})})
    return replace(spec, profiles={"controller": KINDS["HardwareProfile"].model_validate(profile)})


def enrolled(contents: str = "") -> MachineView:
    return in_phase(holding(machine("A", contents=contents)), Phase.ENROLLED)


def install_of(found: Plan) -> InstallOs:
    (step,) = found.steps
    assert isinstance(step, Act)
    assert isinstance(step.action, InstallOs)
    return step.action


def test_a_plan_shows_the_address_of_an_image_without_login_and_signature() -> None:
    found = plan(given(from_an_image(), [enrolled()]))
    action = install_of(found)
    assert action.image == RootImage(url=URL, sha256="a" * 64), "what is executed has all of it"
    (step,) = plan_json(found)["steps"]
    assert step["action"] is not None
    assert step["action"]["image"] == {"url": SHOWN, "sha256": "a" * 64}
    assert step["action"]["id"] == action.id
    assert "hunter2" not in json.dumps(plan_json(found)) + plan_text(found) + plan_markdown(found)


def test_what_is_asked_of_an_approver_has_no_login_of_an_image() -> None:
    found = plan(given(from_an_image(), [enrolled(contents="ext4")]))
    (step,) = found.steps
    assert isinstance(step, Wait)
    assert step.asks is not None
    assert "hunter2" not in step.asks.statement.text("fleet") + json.dumps(plan_json(found)) + plan_text(found)


def test_an_observation_has_no_login_of_an_image_that_is_being_fetched() -> None:
    action = install_of(plan(given(from_an_image(), [enrolled()])))
    text = dump_observation(Observation(NOW, (with_history(enrolled(), open=action),)))
    assert "hunter2" not in text
    (loaded,) = load_observation(text).machines
    assert isinstance(loaded.history.open_action, InstallOs)
    assert loaded.history.open_action.image == RootImage(url=SHOWN, sha256="a" * 64)


def test_a_command_for_the_cluster_is_shown_without_logins() -> None:
    command = f"curl -d name=a {URL}"
    tell = TellCluster(
        serial="A", generation=1, hostname="a", number=0, command=command, controller="C", controller_hostname="c"
    )
    (step,) = plan(given(from_an_image(), [enrolled()])).steps
    assert isinstance(step, Act)
    found = Plan(None, "0", (replace(step, action=tell),))
    assert "hunter2" not in json.dumps(plan_json(found)) + plan_text(found) + plan_markdown(found)
    assert f"curl -d name=a {SHOWN}" in plan_text(found)
