-- from c_compute_ceph: as small as it gets
DELETE FROM machines WHERE id NOT IN (1, 11);
DELETE FROM ips WHERE machine NOT IN (1, 11) AND usefor = 'machine';
UPDATE clusters SET initial_mon_on_ctrl = 'no';
