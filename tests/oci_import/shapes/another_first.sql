-- from g_bgp_dns_sql: other nodes are the first, databases are still being made, their address is in a VLAN; drivers differ
UPDATE clusters SET first_master_machine_id = 2, first_sql_machine_id = 22, first_rabbit_machine_id = 25, first_sqlmsg_machine_id = 29;
UPDATE machines SET installed = 'yes', status = 'installed', puppet_status = 'success';
UPDATE networks SET vlan = 42 WHERE name IN ('bgp-sql-vip', 'bgp-sqlmsg-vip');
UPDATE ifnames SET driver = 'mlx5_core' WHERE machine_id IN (11, 12);
