-- from c_compute_ceph: a Ceph in each of three zones, with keys of its own
UPDATE clusters SET ceph_multiple_cluster_az = 'yes';
UPDATE machines SET ceph_az = location_id WHERE role IN ('cephmon', 'cephosd', 'compute');
INSERT INTO passwords (cluster, service, passtype, pass, passtxt1, passtxt2, az)
  SELECT p.cluster, p.service, p.passtype, CONCAT(IF(p.passtype IN ('fsid', 'libvirtuuid'), '0000000', 'AAAA'), l.id, SUBSTR(p.pass, 9)),
    p.passtxt1, p.passtxt2, l.id
  FROM passwords p, locations l WHERE p.service = 'ceph' AND p.az = 0 AND l.id < 4;
