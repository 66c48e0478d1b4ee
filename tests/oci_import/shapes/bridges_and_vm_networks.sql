-- from c_compute_ceph: one bridge in three locations, and a network of their own for instances in one of them
INSERT INTO networks (name, ip, cidr, first_ip, last_ip, is_public, cluster, role, iface1, iface2, bridgename, location_id, vlan, mtu)
  SELECT CONCAT('cl1-lb-', id), CONCAT('10.', id, '.0.0'), 24, INET_ATON(CONCAT('10.', id, '.0.1')), INET_ATON(CONCAT('10.', id, '.0.254')),
    'no', 1, 'ovs-bridge', '10g1', '10g2', 'br-lb', id, 40, 0 FROM locations WHERE id < 4;
INSERT INTO networks (name, ip, cidr, first_ip, last_ip, is_public, cluster, role, iface1, iface2, location_id, vlan, mtu)
  VALUES ('cl1-vm-1', '192.168.70.0', 24, INET_ATON('192.168.70.1'), INET_ATON('192.168.70.254'), 'no', 1, 'vm-net', '10g1', '10g2', 1, 70, 9000);
INSERT INTO ips (network, ip, type, machine, usefor)
  SELECT (SELECT id FROM networks WHERE name = 'cl1-vm-1'), INET_ATON('192.168.70.0') + id, '4', id, 'machine' FROM machines
  WHERE location_id = 1 AND role IN ('compute', 'network');
