-- from c_compute_ceph: the system's disks were told, by the controller's name, by the disk's, as a RAID, or not at all
UPDATE machines SET dest_blk = 'nvme0' WHERE hostname = 'cl1-cephosd-1.example.com';
UPDATE machines SET dest_blk = 'nvme0n1' WHERE hostname = 'cl1-cephosd-2.example.com';
UPDATE machines SET install_on_raid = 'yes', raid_type = '1', raid_dev0 = 'sda', raid_dev1 = 'sdb'
  WHERE hostname = 'cl1-cephosd-3.example.com';
UPDATE machines SET compute_is_cephosd = 'yes' WHERE hostname = 'cl1-compute-3.example.com';
UPDATE blockdevices SET name = 'nvme0n1', realdev = 'nvme0n1' WHERE name = 'sda' AND machine_id = 13;
