-- from c_compute_ceph: what were volumes are the Swift of a second cluster, in which the first one stores
CREATE TEMPORARY TABLE other AS SELECT * FROM clusters;
UPDATE other SET id = 2, name = 'swift', region_name = 'RegionTwo', swift_proxy_hostname = '', first_master_machine_id = 3;
INSERT INTO clusters SELECT * FROM other;
UPDATE machines SET cluster = 2, role = 'controller', hostname = 'swift-controller-1.example.com' WHERE id = 3;
UPDATE machines SET cluster = 2, role = 'swiftproxy', hostname = 'swift-swiftproxy-1.example.com' WHERE id = 16;
UPDATE machines SET cluster = 2, role = 'swiftstore', hostname = 'swift-swiftstore-1.example.com' WHERE id = 17;
INSERT INTO networks (name, ip, cidr, first_ip, last_ip, is_public, cluster, role, iface1, iface2, location_id, mtu)
  SELECT CONCAT('swift-', name), REPLACE(ip, '192.168.1', '192.168.2'), cidr, first_ip + 2560, last_ip + 2560, is_public, 2, role, iface1, iface2,
    location_id, mtu FROM networks WHERE role = 'all';
INSERT INTO networks (name, ip, cidr, first_ip, last_ip, is_public, cluster, role, iface1, iface2, location_id, mtu)
  VALUES ('swift-pub', '203.0.114.0', 24, INET_ATON('203.0.114.1'), INET_ATON('203.0.114.254'), 'yes', 2, 'vip', 'eno1', 'none', 4, 0);
DELETE FROM ips WHERE machine IN (3, 16, 17) AND usefor = 'machine';
INSERT INTO ips (network, ip, type, machine, usefor) SELECT n.id, INET_ATON(n.ip) + m.id, '4', m.id, 'machine'
  FROM machines m JOIN networks n ON n.location_id = m.location_id AND n.name LIKE 'swift-cl1%' WHERE m.cluster = 2;
INSERT INTO ips (network, ip, type, machine, usefor, vip_usage)
  SELECT id, INET_ATON('203.0.114.2'), '4', 0, 'vip', 'api' FROM networks WHERE name = 'swift-pub';
INSERT INTO passwords (cluster, service, passtype, pass, passtxt1, passtxt2, az)
  SELECT 2, service, passtype, pass, passtxt1, passtxt2, az FROM passwords;
UPDATE clusters SET extswift_use_external = 'yes', extswift_auth_url = 'https://swift-api.example.com/identity', extswift_region = 'RegionTwo',
  extswift_proxy_url = 'https://swift-api.example.com/object/v1/AUTH_', extswift_project_name = 'backups', extswift_user_name = 'cl1',
  extswift_password = 'sesame' WHERE id = 1;
