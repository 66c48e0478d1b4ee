BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0004');
CREATE TABLE allocation (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	serial TEXT NOT NULL, 
	generation INTEGER NOT NULL, 
	cluster TEXT NOT NULL, 
	role TEXT NOT NULL, 
	profile TEXT NOT NULL, 
	location TEXT, 
	hostname TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	addresses TEXT NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	ended_at VARCHAR(32), 
	ended_by VARCHAR(32), 
	revision BIGINT NOT NULL
);
CREATE TABLE approval (
	serial TEXT NOT NULL, 
	action VARCHAR(64) NOT NULL, 
	generation INTEGER NOT NULL, 
	who TEXT NOT NULL, 
	why TEXT NOT NULL, 
	at VARCHAR(32) NOT NULL, covers TEXT, 
	PRIMARY KEY (serial, action, generation)
);
INSERT INTO "approval" VALUES('A','install_os',1,'alice','as agreed','2026-11-22T12:31:00.000000+00:00','approval to erase sda (gpt; ext4 on sda1): we did not put it there');
INSERT INTO "approval" VALUES('B','reinstall',1,'bob','CHG-7','2026-11-22T12:31:00.000000+00:00','approval to reinstall it (install 0bad5eb7e547): its reinstall "2026-11-23" is asked for');
CREATE TABLE change (
	area VARCHAR(32) NOT NULL, 
	revision BIGINT NOT NULL, 
	PRIMARY KEY (area)
);
INSERT INTO "change" VALUES('token',3);
INSERT INTO "change" VALUES('journal',3);
INSERT INTO "change" VALUES('machine',0);
INSERT INTO "change" VALUES('allocation',0);
INSERT INTO "change" VALUES('decision',3);
INSERT INTO "change" VALUES('secret',0);
INSERT INTO "change" VALUES('document',0);
INSERT INTO "change" VALUES('fact',0);
CREATE TABLE claim (
	address TEXT NOT NULL, 
	network TEXT NOT NULL, 
	serial TEXT, 
	cluster TEXT, 
	usage VARCHAR(32), 
	PRIMARY KEY (address)
);
CREATE TABLE "conflict" (
	serial TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	evidence TEXT NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	PRIMARY KEY (serial)
);
CREATE TABLE document (
	name VARCHAR(128) NOT NULL, 
	text TEXT NOT NULL, 
	PRIMARY KEY (name)
);
CREATE TABLE epoch (
	fleet VARCHAR(36) NOT NULL, 
	counter BIGINT NOT NULL, 
	doubt TEXT, 
	settled BOOLEAN NOT NULL, 
	PRIMARY KEY (fleet)
);
INSERT INTO "epoch" VALUES('31fabf41-ff9f-40c0-a290-6f27fcb709f2',12,NULL,0);
CREATE TABLE fact (
	about TEXT NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	PRIMARY KEY (about, name)
);
CREATE TABLE hardware (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	serial TEXT NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	digest TEXT NOT NULL, 
	body TEXT NOT NULL, 
	FOREIGN KEY(serial) REFERENCES machine (serial)
);
CREATE TABLE journal (
	position INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	at VARCHAR(32) NOT NULL, 
	serial TEXT, 
	kind VARCHAR(64) NOT NULL, 
	text TEXT NOT NULL, 
	who TEXT, 
	body TEXT
);
INSERT INTO "journal" VALUES(1,'2026-11-22T12:01:00.000000+00:00','A','started','enroll began',NULL,'{"serial":"A","at":"2026-11-22T12:01:00Z","action":{"serial":"A","generation":1,"type":"enroll","cluster":"cl1","role":"swiftstore","profile":"swiftstore","location":"z1","hostname":"cl1-swiftstore-1.example.com","number":1,"addresses":{"cl1-z1":"10.1.1.2"},"vips":[["cl1-public","api","203.0.1.2"]],"replaces":null},"kind":"started"}');
INSERT INTO "journal" VALUES(2,'2026-11-22T12:02:00.000000+00:00','A','succeeded','enroll succeeded',NULL,'{"serial":"A","at":"2026-11-22T12:02:00Z","action":{"serial":"A","generation":1,"type":"enroll","cluster":"cl1","role":"swiftstore","profile":"swiftstore","location":"z1","hostname":"cl1-swiftstore-1.example.com","number":1,"addresses":{"cl1-z1":"10.1.1.2"},"vips":[["cl1-public","api","203.0.1.2"]],"replaces":null},"kind":"succeeded"}');
INSERT INTO "journal" VALUES(3,'2026-11-22T12:03:00.000000+00:00','A','advanced','enrolled: it is cl1-swiftstore-1.example.com now',NULL,'{"serial":"A","at":"2026-11-22T12:03:00Z","to":"enrolled","because":"it is cl1-swiftstore-1.example.com now","announces":false,"kind":"advanced"}');
INSERT INTO "journal" VALUES(4,'2026-11-22T12:04:00.000000+00:00','A','started','mint_secrets began',NULL,'{"serial":"A","at":"2026-11-22T12:04:00Z","action":{"serial":"A","generation":1,"type":"mint_secrets","secrets":[["cl1","swift","hashpathprefix","hex"],["cl1-swiftstore-1.example.com","pki","client","certificate"]]},"kind":"started"}');
INSERT INTO "journal" VALUES(5,'2026-11-22T12:05:00.000000+00:00','A','succeeded','mint_secrets succeeded',NULL,'{"serial":"A","at":"2026-11-22T12:05:00Z","action":{"serial":"A","generation":1,"type":"mint_secrets","secrets":[["cl1","swift","hashpathprefix","hex"],["cl1-swiftstore-1.example.com","pki","client","certificate"]]},"kind":"succeeded"}');
INSERT INTO "journal" VALUES(6,'2026-11-22T12:06:00.000000+00:00','A','started','boot_live began',NULL,'{"serial":"A","at":"2026-11-22T12:06:00Z","action":{"serial":"A","generation":1,"type":"boot_live","hostname":null,"install":null,"unseen":false},"kind":"started"}');
INSERT INTO "journal" VALUES(7,'2026-11-22T12:07:00.000000+00:00','A','succeeded','boot_live succeeded',NULL,'{"serial":"A","at":"2026-11-22T12:07:00Z","action":{"serial":"A","generation":1,"type":"boot_live","hostname":null,"install":null,"unseen":false},"kind":"succeeded"}');
INSERT INTO "journal" VALUES(8,'2026-11-22T12:08:00.000000+00:00','A','started','configure_bmc began',NULL,'{"serial":"A","at":"2026-11-22T12:08:00Z","action":{"serial":"A","generation":1,"type":"configure_bmc","username":"oci","address":"192.0.2.200","network":"192.0.2.0/24","gateway":null,"vlan":null,"network_name":"bmcs","rotate":null},"kind":"started"}');
INSERT INTO "journal" VALUES(9,'2026-11-22T12:09:00.000000+00:00','A','succeeded','configure_bmc succeeded',NULL,'{"serial":"A","at":"2026-11-22T12:09:00Z","action":{"serial":"A","generation":1,"type":"configure_bmc","username":"oci","address":"192.0.2.200","network":"192.0.2.0/24","gateway":null,"vlan":null,"network_name":"bmcs","rotate":null},"kind":"succeeded"}');
INSERT INTO "journal" VALUES(10,'2026-11-22T12:10:00.000000+00:00','A','started','configure_raid began',NULL,'{"serial":"A","at":"2026-11-22T12:10:00Z","action":{"serial":"A","generation":1,"type":"configure_raid","volumes":[{"level":1,"disks":[{"controller":0,"enclosure":32,"slot":0,"serial":"S1"},{"controller":0,"enclosure":32,"slot":1,"serial":"S2"}],"options":[]}],"single":[{"controller":0,"enclosure":32,"slot":2,"serial":""}],"ours":["0:32:0 S1"],"may_hold":[["controller 0","a foreign configuration"]],"may_erase":[],"whatever":false},"kind":"started"}');
INSERT INTO "journal" VALUES(11,'2026-11-22T12:11:00.000000+00:00','A','failed','failed for good: nothing was erased',NULL,'{"serial":"A","at":"2026-11-22T12:11:00Z","action_id":"47a44db97380","error":"nothing was erased","permanent":true,"found":[["sda INTEL DA 240000000000","gpt; ext4 on sda1"],["controller 0","a foreign configuration"]],"ended":false,"kind":"failed"}');
INSERT INTO "journal" VALUES(12,'2026-11-22T12:12:00.000000+00:00','B','started','enroll began',NULL,'{"serial":"B","at":"2026-11-22T12:12:00Z","action":{"serial":"B","generation":1,"type":"enroll","cluster":"cl1","role":"swiftstore","profile":"swiftstore","location":"z1","hostname":"cl1-swiftstore-2.example.com","number":2,"addresses":{"cl1-z1":"10.1.1.3"},"vips":[],"replaces":null},"kind":"started"}');
INSERT INTO "journal" VALUES(13,'2026-11-22T12:13:00.000000+00:00','B','succeeded','enroll succeeded',NULL,'{"serial":"B","at":"2026-11-22T12:13:00Z","action":{"serial":"B","generation":1,"type":"enroll","cluster":"cl1","role":"swiftstore","profile":"swiftstore","location":"z1","hostname":"cl1-swiftstore-2.example.com","number":2,"addresses":{"cl1-z1":"10.1.1.3"},"vips":[],"replaces":null},"kind":"succeeded"}');
INSERT INTO "journal" VALUES(14,'2026-11-22T12:14:00.000000+00:00','B','advanced','enrolled: it is cl1-swiftstore-2.example.com now',NULL,'{"serial":"B","at":"2026-11-22T12:14:00Z","to":"enrolled","because":"it is cl1-swiftstore-2.example.com now","announces":false,"kind":"advanced"}');
INSERT INTO "journal" VALUES(15,'2026-11-22T12:17:00.000000+00:00','B','started','install_os began',NULL,'{"serial":"B","at":"2026-11-22T12:17:00Z","action":{"serial":"B","generation":1,"type":"install_os","hostname":"cl1-swiftstore-2.example.com","role":"swiftstore","cluster":"cl1","release":"trixie","interfaces":[{"network":"cl1-z1","kind":"normal","nics":["eno1"],"address":"10.1.1.3/24","gateway":"10.1.1.1","vlan":null,"mtu":null,"asn":null,"bridge":null,"for_vms":false,"ovs_ports":false,"bridge_mac":null,"frr_nics":[],"frr_vlan":null}],"system_disks":["sda"],"raid":null,"data_disks":["sdb","nvme0n1"],"identity":["sda INTEL SSDSC2KB DB1 0x5000c500a1b2c3d4 240000000000","sdb ST4000NM DB2 4000000000000","nvme0n1 1600000000000"],"packages":[],"console":"ttyS1","backports_kernel":false,"image":null,"timeout":null,"reinstall":null,"ours":[],"may_hold":[["sda","gpt; ext4 on sda1"],["sdb",null]],"may_erase":["0123456789ab"]},"kind":"started"}');
INSERT INTO "journal" VALUES(16,'2026-11-22T12:15:00.000000+00:00','B','erasing','about to erase sda INTEL SSDSC2KB DB1 0x5000c500a1b2c3d4 240000000000, sdb ST4000NM DB2 4000000000000, nvme0n1 1600000000000',NULL,'{"serial":"B","at":"2026-11-22T12:15:00Z","disks":["sda INTEL SSDSC2KB DB1 0x5000c500a1b2c3d4 240000000000","sdb ST4000NM DB2 4000000000000","nvme0n1 1600000000000"],"marks":["serial DB1","wwn 0x5000c500a1b2c3d4"],"kind":"erasing"}');
INSERT INTO "journal" VALUES(17,'2026-11-22T12:16:00.000000+00:00','B','wrote','its install left on its disks: uuid 1234',NULL,'{"serial":"B","at":"2026-11-22T12:16:00Z","marks":["uuid 1234"],"kind":"wrote"}');
INSERT INTO "journal" VALUES(18,'2026-11-22T12:18:00.000000+00:00','B','succeeded','install_os succeeded',NULL,'{"serial":"B","at":"2026-11-22T12:18:00Z","action":{"serial":"B","generation":1,"type":"install_os","hostname":"cl1-swiftstore-2.example.com","role":"swiftstore","cluster":"cl1","release":"trixie","interfaces":[{"network":"cl1-z1","kind":"normal","nics":["eno1"],"address":"10.1.1.3/24","gateway":"10.1.1.1","vlan":null,"mtu":null,"asn":null,"bridge":null,"for_vms":false,"ovs_ports":false,"bridge_mac":null,"frr_nics":[],"frr_vlan":null}],"system_disks":["sda"],"raid":null,"data_disks":["sdb","nvme0n1"],"identity":["sda INTEL SSDSC2KB DB1 0x5000c500a1b2c3d4 240000000000","sdb ST4000NM DB2 4000000000000","nvme0n1 1600000000000"],"packages":[],"console":"ttyS1","backports_kernel":false,"image":null,"timeout":null,"reinstall":null,"ours":[],"may_hold":[["sda","gpt; ext4 on sda1"],["sdb",null]],"may_erase":["0123456789ab"]},"kind":"succeeded"}');
INSERT INTO "journal" VALUES(19,'2026-11-22T12:19:00.000000+00:00','B','advanced','installed: its install has ended well',NULL,'{"serial":"B","at":"2026-11-22T12:19:00Z","to":"installed","because":"its install has ended well","announces":false,"kind":"advanced"}');
INSERT INTO "journal" VALUES(20,'2026-11-22T12:21:00.000000+00:00','B','started','boot_disk began',NULL,'{"serial":"B","at":"2026-11-22T12:21:00Z","action":{"serial":"B","generation":1,"type":"boot_disk","hostname":"cl1-swiftstore-2.example.com"},"kind":"started"}');
INSERT INTO "journal" VALUES(21,'2026-11-22T12:20:00.000000+00:00','B','proved','asked over SSH at 10.1.1.3: it runs the installed system, made by install 0bad5eb7e547',NULL,'{"serial":"B","at":"2026-11-22T12:20:00Z","proof":{"at":"2026-11-22T12:20:00Z","runs":"installed","address":"10.1.1.3","install":"0bad5eb7e547"},"kind":"proved"}');
INSERT INTO "journal" VALUES(22,'2026-11-22T12:22:00.000000+00:00','B','succeeded','boot_disk succeeded',NULL,'{"serial":"B","at":"2026-11-22T12:22:00Z","action":{"serial":"B","generation":1,"type":"boot_disk","hostname":"cl1-swiftstore-2.example.com"},"kind":"succeeded"}');
INSERT INTO "journal" VALUES(23,'2026-11-22T12:23:00.000000+00:00','B','started','run_puppet began',NULL,'{"serial":"B","at":"2026-11-22T12:23:00Z","action":{"serial":"B","generation":1,"type":"run_puppet","hostname":"cl1-swiftstore-2.example.com"},"kind":"started"}');
INSERT INTO "journal" VALUES(24,'2026-11-22T12:24:00.000000+00:00','B','succeeded','run_puppet succeeded',NULL,'{"serial":"B","at":"2026-11-22T12:24:00Z","action":{"serial":"B","generation":1,"type":"run_puppet","hostname":"cl1-swiftstore-2.example.com"},"kind":"succeeded"}');
INSERT INTO "journal" VALUES(25,'2026-11-22T12:25:00.000000+00:00','B','advanced','in-service: Puppet was seen to succeed',NULL,'{"serial":"B","at":"2026-11-22T12:25:00Z","to":"in-service","because":"Puppet was seen to succeed","announces":true,"kind":"advanced"}');
INSERT INTO "journal" VALUES(26,'2026-11-22T12:26:00.000000+00:00','B','started','run_hook began',NULL,'{"serial":"B","at":"2026-11-22T12:26:00Z","action":{"serial":"B","generation":1,"type":"run_hook","hook":"dns","event":"enrolled","hostname":"cl1-swiftstore-2.example.com","cluster":"cl1","role":"swiftstore","location":"z1","addresses":{"cl1-z1":"10.1.1.3"}},"kind":"started"}');
INSERT INTO "journal" VALUES(27,'2026-11-22T12:27:00.000000+00:00','B','succeeded','run_hook succeeded',NULL,'{"serial":"B","at":"2026-11-22T12:27:00Z","action":{"serial":"B","generation":1,"type":"run_hook","hook":"dns","event":"enrolled","hostname":"cl1-swiftstore-2.example.com","cluster":"cl1","role":"swiftstore","location":"z1","addresses":{"cl1-z1":"10.1.1.3"}},"kind":"succeeded"}');
INSERT INTO "journal" VALUES(28,'2026-11-22T12:28:00.000000+00:00','B','started','renew_certificates began',NULL,'{"serial":"B","at":"2026-11-22T12:28:00Z","action":{"serial":"B","generation":1,"type":"renew_certificates","certificates":[["cl1","pki","api","2026-12-01T00:00:00+00:00"]]},"kind":"started"}');
INSERT INTO "journal" VALUES(29,'2026-11-22T12:29:00.000000+00:00','B','succeeded','renew_certificates succeeded',NULL,'{"serial":"B","at":"2026-11-22T12:29:00Z","action":{"serial":"B","generation":1,"type":"renew_certificates","certificates":[["cl1","pki","api","2026-12-01T00:00:00+00:00"]]},"kind":"succeeded"}');
INSERT INTO "journal" VALUES(30,'2026-11-22T12:30:00.000000+00:00','B','started','change_bmc began',NULL,'{"serial":"B","at":"2026-11-22T12:30:00Z","action":{"serial":"B","generation":1,"type":"change_bmc","username":"oci","address":null,"network":null,"gateway":null,"vlan":null,"network_name":null,"rotate":"2026-11","maybe_at":null},"kind":"started"}');
INSERT INTO "journal" VALUES(31,'2026-11-22T12:31:00.000000+00:00','B','succeeded','change_bmc succeeded',NULL,'{"serial":"B","at":"2026-11-22T12:31:00Z","action":{"serial":"B","generation":1,"type":"change_bmc","username":"oci","address":null,"network":null,"gateway":null,"vlan":null,"network_name":null,"rotate":"2026-11","maybe_at":null},"kind":"succeeded"}');
INSERT INTO "journal" VALUES(32,'2026-11-22T12:31:00.000000+00:00','A','approved','install_os approved for generation 1: as agreed','alice',NULL);
INSERT INTO "journal" VALUES(33,'2026-11-22T12:31:00.000000+00:00','B','approved','reinstall approved for generation 1: CHG-7','bob',NULL);
CREATE TABLE lease (
	name VARCHAR(32) NOT NULL, 
	holder TEXT NOT NULL, 
	fence BIGINT NOT NULL, 
	until VARCHAR(32) NOT NULL, 
	held BOOLEAN NOT NULL, beat BIGINT DEFAULT '0' NOT NULL, at VARCHAR(32), 
	PRIMARY KEY (name)
);
CREATE TABLE machine (
	serial TEXT NOT NULL, 
	address TEXT, 
	reported_at VARCHAR(32), 
	status VARCHAR(32), 
	status_at VARCHAR(32), 
	power VARCHAR(8), 
	power_at VARCHAR(32), 
	digest TEXT, 
	hardware BIGINT, 
	revision BIGINT NOT NULL, puppet_at VARCHAR(32), 
	PRIMARY KEY (serial)
);
CREATE TABLE pause (
	scope TEXT NOT NULL, 
	who TEXT NOT NULL, 
	why TEXT NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	PRIMARY KEY (scope)
);
CREATE TABLE rendered (
	hostname TEXT NOT NULL, 
	since VARCHAR(32) NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	revision BIGINT NOT NULL, 
	PRIMARY KEY (hostname, since)
);
CREATE TABLE revocation (
	number VARCHAR(40) NOT NULL, 
	name TEXT NOT NULL, 
	expires_at VARCHAR(32) NOT NULL, 
	who TEXT NOT NULL, 
	why TEXT NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	PRIMARY KEY (number)
);
CREATE TABLE secret (
	owner TEXT NOT NULL, 
	service TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	form VARCHAR(32) NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	sealed BLOB NOT NULL, expires_at VARCHAR(32), 
	PRIMARY KEY (owner, service, kind)
);
CREATE TABLE vip (
	cluster TEXT NOT NULL, 
	network TEXT NOT NULL, 
	usage VARCHAR(32) NOT NULL, 
	address TEXT NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	PRIMARY KEY (cluster, network, usage)
);
CREATE INDEX journal_by_machine ON journal (serial, position);
CREATE INDEX journal_events ON journal (position) WHERE body IS NOT NULL;
CREATE TRIGGER journal_no_update BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE INDEX machine_by_revision ON machine (revision);
CREATE INDEX hardware_by_machine ON hardware (serial, id);
CREATE INDEX allocation_by_revision ON allocation (revision);
CREATE UNIQUE INDEX one_allocation_per_machine ON allocation (serial) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX one_machine_per_hostname ON allocation (hostname) WHERE ended_at IS NULL;
CREATE INDEX claim_by_machine ON claim (serial);
CREATE INDEX rendered_by_revision ON rendered (revision);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('journal',33);
COMMIT;
