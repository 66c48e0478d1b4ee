-- from c_compute_ceph: Ceph's own object store
UPDATE machines SET role = 'radosgw', hostname = REPLACE(hostname, 'volume', 'radosgw') WHERE role = 'volume';
