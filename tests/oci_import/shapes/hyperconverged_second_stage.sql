-- from c_compute_ceph: the same when Ceph is there
DELETE FROM machines WHERE role NOT IN ('controller', 'compute');
UPDATE machines SET compute_is_cephosd = 'yes' WHERE hostname IN ('cl1-compute-1.example.com', 'cl1-compute-2.example.com');
UPDATE machines SET installed = 'yes', status = 'installed', puppet_status = 'success';
UPDATE clusters SET initial_mon_on_ctrl = 'no', initial_cluster_setup = 'no';
