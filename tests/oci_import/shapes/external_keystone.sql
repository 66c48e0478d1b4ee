-- from c_compute_ceph: a region of another cloud
UPDATE clusters SET external_keystone_activate = 'yes', external_keystone_url = 'https://api.other.example.com/identity',
  external_keystone_admin_password = 'sesame', region_name = 'RegionTwo';
