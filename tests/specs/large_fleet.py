"""A spec tree for a fleet of 10,000 machines in 40 clusters, as files: what ``validate`` must cope with."""

FLEET = b"""apiVersion: reconciler/v1
kind: Fleet
metadata: {name: large}
spec:
  provisioning: {address: 172.16.0.2, trusted_networks: [172.16.0.0/16]}
  settings: {time_server_host: ntp.example.com}
"""

PROFILE = """---
apiVersion: reconciler/v1
kind: HardwareProfile
metadata: {{name: {role}-{n}}}
spec:
  role: {role}
  match:
    product: [PowerEdge R{n}40]
    memory: {{min: 120GiB, max: 512GiB}}
    raid_controller: megaraid
  disks:
    - {{size: {{min: 220GB, max: 250GB}}, count: {{min: 2, max: 2}}, raid: 1, by: controller, options: [WB, RA]}}
    - {{size: {{min: 800GB, max: 2TB}}, count: {{min: 2, max: 8}}}}
"""

NETWORK = """    c{n}-{role}-{zone}:
      subnet: 10.{n}.{third}.0/24
      location: zone-{zone}
      role: {role}
      interfaces: [10g1, 10g2]
      mtu: 9000
"""

MACHINE = """---
apiVersion: reconciler/v1
kind: Machine
metadata:
  name: S{i:06}
spec:
  cluster: cluster-{n}
  role: {role}
  location: zone-{zone}
  address: 10.{n}.{zone}.{host}
  lifecycle: active
  settings:
    cpu_allocation_ratio: 4.0
"""

ROLES = ("controller", "messaging", "compute", "network", "volume", "cephmon", "cephosd", "swiftproxy", "swiftstore")


def large_fleet(clusters: int = 40, machines: int = 10_000, files: int = 100) -> dict[str, bytes]:
    """Its files, by path."""
    tree = {"fleet.yaml": FLEET, "locations.yaml": b"".join(_location(zone) for zone in range(1, 4))}
    tree["profiles.yaml"] = "".join(PROFILE.format(role=role, n=n) for n in range(2, 7) for role in ROLES).encode()
    for n in range(clusters):
        tree[f"clusters/{n}.yaml"] = _cluster(n).encode()
    each = machines // files
    for part in range(files):
        numbers = range(part * each, (part + 1) * each)
        tree[f"machines/{part:03}.yaml"] = "".join(_machine(i, clusters) for i in numbers).encode()
    return tree


def _location(zone: int) -> bytes:
    return f"---\napiVersion: reconciler/v1\nkind: Location\nmetadata: {{name: zone-{zone}}}\nspec: {{}}\n".encode()


def _cluster(n: int) -> str:
    head = f"apiVersion: reconciler/v1\nkind: Cluster\nmetadata: {{name: cluster-{n}}}\nspec:\n  domain: example.com\n"
    third = iter(range(1, 255))
    networks = "".join(
        NETWORK.format(n=n, role=role, zone=zone, third=next(third))
        for role in ("all", "vm-net", "ceph-cluster")
        for zone in range(1, 4)
    )
    public = f"    c{n}-public: {{subnet: 203.0.113.{n}/32, public: true}}\n"
    roles = "".join(f"    {role}: {{count: 400, spread: location}}\n" for role in ROLES)
    return f"{head}  networks:\n{networks}{public}  settings: {{neutron_global_physnet_mtu: 9000}}\n  roles:\n{roles}"


def _machine(i: int, clusters: int) -> str:
    zone, host = i // clusters % 3 + 1, i // clusters // 3 + 2
    return MACHINE.format(i=i, n=i % clusters, role=ROLES[i // clusters % len(ROLES)], zone=zone, host=host)
