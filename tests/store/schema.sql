CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

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

CREATE INDEX allocation_by_revision ON allocation (revision);

CREATE TABLE approval (
	serial TEXT NOT NULL, 
	action VARCHAR(64) NOT NULL, 
	generation INTEGER NOT NULL, 
	who TEXT NOT NULL, 
	why TEXT NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	covers TEXT, 
	statement TEXT, 
	acted FLOAT, 
	signature TEXT, 
	PRIMARY KEY (serial, action, generation, who)
);

CREATE TABLE change (
	area VARCHAR(32) NOT NULL, 
	revision BIGINT NOT NULL, 
	PRIMARY KEY (area)
);

CREATE TABLE claim (
	address TEXT NOT NULL, 
	network TEXT NOT NULL, 
	serial TEXT, 
	cluster TEXT, 
	usage VARCHAR(32), 
	PRIMARY KEY (address)
);

CREATE INDEX claim_by_machine ON claim (serial);

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

CREATE INDEX hardware_by_machine ON hardware (serial, id);

CREATE TABLE journal (
	position INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	at VARCHAR(32) NOT NULL, 
	serial TEXT, 
	kind VARCHAR(64) NOT NULL, 
	text TEXT NOT NULL, 
	who TEXT, 
	body TEXT
, reason VARCHAR(64));

CREATE INDEX journal_by_machine ON journal (serial, position);

CREATE INDEX journal_events ON journal (position) WHERE body IS NOT NULL;

CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TRIGGER journal_no_update BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TABLE lease (
	name VARCHAR(32) NOT NULL, 
	holder TEXT NOT NULL, 
	fence BIGINT NOT NULL, 
	until VARCHAR(32) NOT NULL, 
	held BOOLEAN NOT NULL, beat BIGINT DEFAULT '0' NOT NULL, at VARCHAR(32), acted FLOAT DEFAULT '0' NOT NULL, 
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
	revision BIGINT NOT NULL, puppet_at VARCHAR(32), readings TEXT, boot INTEGER, witnessed_at VARCHAR(32), reported_from TEXT, 
	PRIMARY KEY (serial)
);

CREATE INDEX machine_by_revision ON machine (revision);

CREATE UNIQUE INDEX one_allocation_per_machine ON allocation (serial) WHERE ended_at IS NULL;

CREATE UNIQUE INDEX one_machine_per_hostname ON allocation (hostname) WHERE ended_at IS NULL;

CREATE TABLE pause (
	scope TEXT NOT NULL, 
	who TEXT NOT NULL, 
	why TEXT NOT NULL, 
	at VARCHAR(32) NOT NULL, oci_in_charge BOOLEAN DEFAULT 0 NOT NULL, 
	PRIMARY KEY (scope)
);

CREATE TABLE rendered (
	hostname TEXT NOT NULL, 
	since VARCHAR(32) NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	revision BIGINT NOT NULL, 
	PRIMARY KEY (hostname, since)
);

CREATE INDEX rendered_by_revision ON rendered (revision);

CREATE TABLE revocation (
	number VARCHAR(40) NOT NULL, 
	name TEXT NOT NULL, 
	expires_at VARCHAR(32) NOT NULL, 
	who TEXT NOT NULL, 
	why TEXT NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	PRIMARY KEY (number)
);

CREATE TABLE ring (
	cluster TEXT NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	version BIGINT NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	state TEXT NOT NULL, 
	builder TEXT NOT NULL, 
	checksum VARCHAR(64) NOT NULL, 
	file BLOB NOT NULL, 
	PRIMARY KEY (cluster, name, version)
);

CREATE TABLE ring_round (
	cluster TEXT NOT NULL, 
	body TEXT NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	PRIMARY KEY (cluster)
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

