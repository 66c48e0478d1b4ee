-- from c_compute_ceph: Ceph on controllers and two of the three computes, and nothing else is set up yet
DELETE FROM machines WHERE role NOT IN ('controller', 'compute');
UPDATE machines SET compute_is_cephosd = 'yes' WHERE hostname IN ('cl1-compute-1.example.com', 'cl1-compute-2.example.com');
UPDATE machines SET installed = 'yes', status = 'installed', puppet_status = 'success';
UPDATE clusters SET initial_mon_on_ctrl = 'yes';
