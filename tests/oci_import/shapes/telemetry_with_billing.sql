-- from g_bgp_dns_sql: telemetry has a Ceph of its own
UPDATE machines SET role = 'billmon', hostname = REPLACE(hostname, 'cephmon', 'billmon') WHERE role = 'cephmon';
UPDATE machines SET role = 'billosd', hostname = REPLACE(hostname, 'cephosd', 'billosd') WHERE role = 'cephosd';
UPDATE clusters SET install_telemetry = 'yes';
