"""OCI's configuration files as a spec tree: what an operator would have written, and nothing else."""

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from reconciler.hardware.choice import DisksInUse, disks_in_use
from reconciler.hardware.match import match
from reconciler.hardware.racking import rack
from reconciler.hardware.report import parse_report
from reconciler.model.diagnostics import Severity
from reconciler.model.hardware import Hardware, Racked
from reconciler.model.kinds import Mirrors
from reconciler.model.settings import SettingsTable
from reconciler.model.tree import SpecTree
from reconciler.oci_import.conf import parse_conf
from reconciler.oci_import.files import OciFiles, given_from_texts, tree_from_files
from reconciler.oci_import.options import checked, profile_options
from reconciler.oci_import.profiles import profiles
from reconciler.oci_import.yaml_documents import Noted, SpecDocument, ToDecide, Tree, plain
from reconciler.specs.loader import Loaded
from reconciler.specs.puppet_module import known_signatures
from reconciler.specs.validate import validate

from ..reference.clusters import CLUSTERS, WITH_REPORTS, Place
from ..reference.facts import drawn_machines, drawn_profiles, no_controller_makes
from ..reference.reports import as_sent

GIB = 2**30


def load(tree: Tree, table: SettingsTable) -> Loaded:
    files = {name: text.encode() for name, text in tree.texts().items()}
    return validate(files, settings_table=table, module_versions=tuple(known_signatures()))


def valid(tree: Tree, table: SettingsTable) -> SpecTree:
    loaded = load(tree, table)
    assert [p for p in loaded.problems if p.severity is Severity.ERROR] == []
    assert loaded.tree is not None
    return loaded.tree


def test_the_files_give_a_tree_without_errors(given: OciFiles, table: SettingsTable) -> None:
    found = valid(tree_from_files(given, table), table)
    assert len(found.profiles) == 6
    assert len(found.repositories) == 14
    assert str(found.fleet.provisioning.address) == "192.168.100.2"
    assert found.fleet.policy.install == "approval"


def test_nothing_at_all_gives_a_tree_that_says_what_to_decide(table: SettingsTable) -> None:
    tree = tree_from_files(given_from_texts(), table)
    valid(tree, table)
    assert "# DECIDE: this server's address" in tree.texts()["fleet.yaml"]
    assert tree.to_decide() == [
        "the networks that machines report from were not given.",
        "this server's address on the provisioning network was not given.",
    ]


def test_only_what_differs_from_the_defaults_is_written(table: SettingsTable) -> None:
    network = f"OCI_IP=10.0.0.1\nTRUSTED_NETWORKS=10.0.0.0/24\ndebian_mirror={Mirrors().debian}"
    conf = f"[network]\n{network}\n[tempest]\nflavor_name=cpu1-ram2-disk5\n"
    fleet = tree_from_files(given_from_texts(conf), table).documents("Fleet")["fleet"]
    assert fleet == {
        "provisioning": {"address": "10.0.0.1", "trusted_networks": ["10.0.0.0/24"]},
        "policy": {"install": "approval"},
    }


@pytest.mark.parametrize(
    ("section", "lines", "told"),
    [
        ("radius", "use_radius=yes", "RADIUS"),
        ("megacli", "megacli_auto_apply=yes", "RAID volumes"),
        ("ipmi", "automatic_ipmi_numbering=yes", "bmc.networks"),
    ],
)
def test_what_has_no_counterpart_is_told(section: str, lines: str, told: str, table: SettingsTable) -> None:
    tree = tree_from_files(given_from_texts(f"[{section}]\n{lines}\n"), table)
    assert any(told in sentence for sentence in tree.leftover)


STOCK = """\
  role: compute
  match: {product: [PowerEdge R640, PowerEdge R610], memory: {min: 128GiB, max: 512GiB}, raid_controller: megaraid}
  # OCI rounds sizes down to whole GiB, so its upper ends reach almost to the next one.
  disks:
    - {size: {min: 220GiB, max: 250.999999999GiB}, count: {min: 2, max: 2}, raid: 1, options: [WB, RA, Direct]}
    - {size: {min: 800GiB, max: 1800.999999999GiB}, count: {min: 2, max: 4}, raid: 1, options: [WB, RA, Direct]}
  unlisted_disks: use
  after_puppet:
    - "openstack compute service set --disable {hostname} nova-compute"
    - "openstack aggregate add host {compute_aggregate} {hostname}"
"""


def test_a_stock_profile_reads_as_if_written_by_hand(given: OciFiles, table: SettingsTable) -> None:
    text = tree_from_files(given, table).texts()["profiles/compute-with-var-lib-nova-instance.yaml"]
    assert text.partition("spec:\n")[2] == STOCK


def test_options_of_machine_set_become_settings(table: SettingsTable) -> None:
    found = profile_options(
        [
            "--swift-store-object no --use_ceph yes --cpu-model Skylake-Server-IBRS",
            "--cpu-mode bogus --frobnicate 1 --lonely",
        ],
        table,
    )
    assert found.settings == {
        "swift_store_object": False,
        "use_ceph_if_available": True,
        "cpu_model": "Skylake-Server-IBRS",
    }
    assert [one.split(":")[0] for one in found.leftover] == ["--cpu-mode bogus", "--frobnicate 1", "--lonely"]


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ("10de:1eb8,10de:20b5", ("10de:1eb8", "10de:20b5")),
        ("10de:1eb8 10de:20b5", ("10de:1eb8", "10de:20b5")),
        ("10de:1eb8, 10de:20b5", ("10de:1eb8", "10de:20b5")),
        ("10de:1eb8;10de:20b5", ("10de:1eb8", "10de:20b5")),
        ("10de:1eb8", ("10de:1eb8",)),
    ],
)
def test_several_values_of_a_setting_survive_whatever_stands_between(
    stored: str, expected: tuple[str, ...], table: SettingsTable
) -> None:
    for level in ("cluster", "machine"):
        assert checked(table["vfio_ids"], stored, level) == expected
    for quoted in (stored, f'"{stored}"'):
        found = profile_options([f"--vfio-ids {quoted} --cpu-mode custom"], table)
        assert (found.settings, found.leftover) == ({"vfio_ids": expected, "cpu_mode": "custom"}, [])


@pytest.mark.parametrize(
    "stored", ["Skylake-Server-IBRS,EPYC", "Skylake-Server-IBRS EPYC", "Skylake-Server-IBRS, EPYC"]
)
def test_two_cpu_models_survive_at_every_level(stored: str, table: SettingsTable) -> None:
    for level in ("cluster", "role", "profile", "machine"):
        assert checked(table["cpu_model"], stored, level) == "Skylake-Server-IBRS,EPYC"
    assert profile_options([f"--cpu-model {stored}"], table).settings == {"cpu_model": "Skylake-Server-IBRS,EPYC"}


def test_disks_of_several_equal_layouts_are_one_entry(given: OciFiles, table: SettingsTable) -> None:
    profile = tree_from_files(given, table).documents("HardwareProfile")["swiftproxy-with-container-and-account-r430"]
    assert [entry["count"] for entry in profile["disks"]] == [{"min": 2, "max": 2}, {"min": 4, "max": 4}]


def test_equal_layouts_leave_the_systems_disk_an_entry_of_its_own(table: SettingsTable) -> None:
    layout = {"size_min": 10000, "size_max": 13000, "raid-type": 0}
    entries = {"0": {**layout, "num_min": 1, "num_max": 1}, "1": {**layout, "num_min": 2, "num_max": 12}}
    given = {"role": "swiftstore", "product-name": ["R650"], "ram": {"min": 1, "max": 2}, "hdd": {"layout": entries}}
    (document,), _ = profiles({"store": given}, table)
    assert [entry["count"]["max"] for entry in plain(document.spec["disks"])] == [1, 12]


@pytest.mark.parametrize(
    ("role", "exact", "expected"),
    [
        ("swiftstore", "no", "use"),
        ("swiftstore", "yes", "refuse"),
        ("cephosd", "no", "use"),
        ("compute", "no", "use"),
        ("controller", "no", None),
    ],
)
def test_what_oci_takes_without_naming_it_is_taken_still(
    role: str, exact: str, expected: str | None, table: SettingsTable
) -> None:
    layout = {"0": {"size_min": 200, "size_max": 250, "num_min": 1, "num_max": 1, "raid-type": 0}}
    hdd = {"layout": layout, "hdd-num-exact-match": exact}
    given = {"role": role, "product-name": ["R650"], "ram": {"min": 1, "max": 2}, "hdd": hdd}
    (document,), _ = profiles({"one": given}, table)
    assert document.spec.get("unlisted_disks") == expected


def test_no_store_loses_a_disk_by_its_import(given: OciFiles, table: SettingsTable) -> None:
    """OCI tells a store of every disk but the system's."""
    known = valid(tree_from_files(given, table), table).profiles
    stores = 0
    for cluster in WITH_REPORTS:
        for report in CLUSTERS[cluster].reports.values():
            hardware = parse_report(as_sent(report))
            for name in match(hardware, known).profiles:
                if known[name].role not in ("swiftstore", "swiftproxy", "cephosd", "volume", "compute"):
                    continue
                found = disks_in_use(hardware, known[name])
                assert isinstance(found, DisksInUse), found
                assert {*found.data} == {disk.name for disk in hardware.disks} - {*found.system}, (
                    hardware.serial,
                    name,
                )
                stores += len(found.data) > 0
    assert stores > 10


def test_a_raid_that_cannot_be_built_is_left_for_a_human_to_decide(table: SettingsTable) -> None:
    oci = json.dumps(drawn_profiles())
    tree = tree_from_files(given_from_texts(profiles=oci), table)
    text = tree.texts()["profiles/profile-04.yaml"]
    assert "# DECIDE: OCI's profile said RAID 10, which cannot be built of 1." in text
    assert "OCI's profile said RAID 10, which cannot be built of 1." in tree.to_decide()


def test_a_mirror_of_an_odd_number_of_disks_is_left_for_a_human_to_decide_unless_made_by_software(
    table: SettingsTable,
) -> None:
    entry = {"size_min": 220, "size_max": 250, "num_min": 3, "num_max": 3, "raid-type": 1}
    machines = {"product-name": ["x"], "ram": {"min": 8, "max": 16}, "role": "sql"}
    said = {
        name: {**machines, "hdd": {"controller": "megacli", "layout": {"0": {**entry, "software-raid": by_software}}}}
        for name, by_software in (("hard", "no"), ("soft", "yes"))
    }
    texts = tree_from_files(given_from_texts(profiles=json.dumps(said)), table).texts()
    assert "# DECIDE: OCI's profile said RAID 1, which cannot be built of 3." in texts["profiles/hard.yaml"]
    assert "DECIDE" not in texts["profiles/soft.yaml"]


def test_options_that_no_controller_is_given_are_left_for_a_human_to_decide(table: SettingsTable) -> None:
    entry = {
        "size_min": 220,
        "size_max": 250,
        "num_min": 2,
        "num_max": 2,
        "raid-type": 1,
        "options": "WB ADRA -Strpsz64",
    }
    hdd = {"controller": "megacli", "layout": {"0": entry}}
    machines = {"product-name": ["x"], "ram": {"min": 8, "max": 16}, "role": "sql", "hdd": hdd}
    text = tree_from_files(given_from_texts(profiles=json.dumps({"one": machines})), table).texts()["profiles/one.yaml"]
    assert "# DECIDE: OCI's profile gave the controller options that nothing here knows: ADRA, -Strpsz64." in text
    assert "[WB]" in text or "- WB\n" in text


def test_what_is_to_be_decided_is_marked_in_the_files_and_listed_whatever_its_words_are() -> None:
    tree = Tree()
    sure = ("Plain words.", ToDecide('whether "# DECIDE: " is odd.'))
    deep = {"a": [{"b": Noted({"c": Noted(1, ToDecide("the value of c."))}, sure)}]}
    tree.add("x.yaml", SpecDocument("Role", "x", deep, ToDecide("the whole document.")))
    assert tree.to_decide() == ["the value of c.", "the whole document.", 'whether "# DECIDE: " is odd.']
    lines = [line.strip(" -") for line in tree.texts()["x.yaml"].splitlines()]
    marked = [line for line in lines if line.startswith("#")]
    assert marked == [
        "# DECIDE: the whole document.",
        "# Plain words.",
        '# DECIDE: whether "# DECIDE: " is odd.',
        "# DECIDE: the value of c.",
    ]


def test_repositories_keep_their_texts_tokens_and_names(given: OciFiles, table: SettingsTable, config: Path) -> None:
    found = valid(tree_from_files(given, table), table).repositories
    dell = found["dell-ipmi"]
    assert dell.sources == (config / "repos/vendors/dell-ipmi/repo.sources").read_text()
    assert dell.key == (config / "repos/vendors/dell-ipmi/key.asc").read_text()
    assert dell.pinning == (config / "repos/vendors/dell-ipmi/repo.pref").read_text()
    assert dell.hardware_vendors == ("Dell Inc.", "Dell")
    assert {(found[name].family, found[name].name) for name in ("debian-bookworm-qemu", "osbpo-bookworm-qemu")} == {
        ("debian", "bookworm-qemu"),
        ("osbpo", "bookworm-qemu"),
    }
    assert found["base"].distribution_tokens == {"bullseye": {"COMPONENTS": "main contrib non-free"}}


@pytest.mark.parametrize("text", ["no section", "[network\n"])
def test_a_file_that_is_none_is_refused_with_its_name(text: str) -> None:
    with pytest.raises(ValueError, match=r"openstack-cluster-installer\.conf"):
        given_from_texts(text)


def test_quotes_around_values_are_not_part_of_them() -> None:
    assert parse_conf('[a]\nx="one two"\ny=\n') == {"a": {"x": "one two", "y": ""}}


# ---- against OCI's own answers


def exception(hardware: Hardware, profile: dict[str, Any], oci_took_it: bool) -> str | None:
    """Which of OCI's known omissions explains that our answer differs, worked out without our matcher."""
    if profile["hdd"]["controller"] == "none":
        return "H2" if oci_took_it else None  # it never looks at the disks without a RAID controller
    sizes = [math.floor(disk.size / GIB) for disk in hardware.physical_disks]
    layouts = list(profile["hdd"]["layout"].values())
    if oci_took_it:
        return "H3" if no_controller_makes(layouts, sizes) else None  # it never asks how many disks a level takes
    return "H1" if len(sizes) > sum(layout["num_min"] for layout in layouts) else None  # it never looks at num_max


def test_imported_profiles_answer_as_oci_but_for_disks_it_did_not_look_at(table: SettingsTable) -> None:
    oci = drawn_profiles()
    profiles = valid(tree_from_files(given_from_texts(profiles=json.dumps(oci)), table), table).profiles
    same, different = 0, Counter[str]()
    for drawn in drawn_machines():
        hardware = parse_report(as_sent(drawn.report))
        ours = match(hardware, profiles).profiles
        for name in oci:
            took = name in drawn.profiles
            if (name in ours) == took:
                same += 1
                continue
            reason = exception(hardware, oci[name], took)
            assert reason, (hardware.serial, name, match(hardware, profiles).refused.get(name))
            different[reason] += 1
    assert same + different.total() == 400 * 30
    assert same > 30 * different.total()


def test_imported_racking_puts_machines_where_oci_does(given: OciFiles, table: SettingsTable) -> None:
    rackings = valid(tree_from_files(given, table), table).rackings
    placed = 0
    for drawn in drawn_machines():
        place = rack(parse_report(as_sent(drawn.report)), rackings)
        if isinstance(drawn.place, Place):
            assert isinstance(place, Racked)
            assert place.unit is not None
            assert drawn.place == (place.dc, place.row, place.rack, place.unit, place.unit + place.height - 1)
            placed += 1
        else:
            assert not isinstance(place, Racked)
    assert placed > 300
