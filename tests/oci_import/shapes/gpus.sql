-- from c_compute_ceph: GPUs of three products, two of which have one name
UPDATE machines SET use_gpu = 'yes', gpu_name = 'nvidia-t4', gpu_vendor_id = '10de', gpu_product_id = '1eb8', gpu_device_type = 'type-PF'
  WHERE hostname = 'cl1-compute-1.example.com';
UPDATE machines SET use_gpu = 'yes', gpu_name = 'nvidia-t4 nvidia-a2', gpu_vendor_id = '10de 10de', gpu_product_id = '1eb9 25b6',
  gpu_device_type = 'type-PF' WHERE hostname = 'cl1-compute-2.example.com';
