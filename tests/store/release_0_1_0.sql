-- """Writes tests/store/release_0_1_0.sql. Runs in a checkout of release 0.1.0, from its root: python <this file> <target>.
--
-- A fine payment that was accepted; a transfer by USSD whose worker died in its midst; top-ups and a transfer that have
-- ended, with their messages; a phone in the middle of a dialogue, which waits to hear of its transfer.
-- """
--
-- import sqlite3
-- import sys
-- import tempfile
-- from pathlib import Path
--
-- sys.path[:0] = [".", "tests"]
--
-- from core.store.port import WALLETS
-- from core.store.sql import SqlStore
-- from tests.api.kit import PHONE, build
-- from tests.ussd.kit import PIN, Phone, Worker, move_in
--
--
-- class Killed(BaseException):
--     pass
--
--
-- def die_when_a_wallet_is_credited(worker: Worker, id: str, payee: str) -> None:
--     """Leaves the operation `id` with its hold done and its credit sent, but not recorded."""
--     store = worker.house.store
--     replace = store.replace
--
--     def killing(collection: str, document: dict) -> dict:
--         saved = replace(collection, document)
--         if collection == WALLETS and saved["id"] == payee:
--             raise Killed
--         return saved
--
--     store.replace = killing
--     try:
--         worker._engine.advance(id)
--     except Killed:
--         store.replace = replace
--         return
--     raise AssertionError("the worker did not die")
--
--
-- def fill(store: SqlStore, folder: Path) -> None:
--     house = move_in(build(store))
--     worker = Worker(house, folder)
--     awa, kofi = (Phone(house, f"+2250700000{n:03d}").register() for n in (1, 2))
--     worker.fund(awa, 50_000)
--     worker.fund(kofi, 1_000)
--     awa.dial()
--     awa.type("1", kofi.msisdn, "700", PIN)
--     awa.accepted()
--     worker.run()
--     house.clock.tick(60)
--     awa.dial()
--     awa.type("1", kofi.msisdn, "12000", PIN)
--     open_transfer = awa.accepted()
--     house.pay()
--     die_when_a_wallet_is_credited(worker, open_transfer.id, kofi.person.id)
--     awa.dial()
--     awa.type("1", kofi.msisdn)  # asked for an amount
--
--
-- target = Path(sys.argv[1])
-- with tempfile.TemporaryDirectory() as name:
--     file = Path(name) / "store.db"
--     store = SqlStore(f"sqlite:///{file}")
--     fill(store, Path(name))
--     store.close()
--     with sqlite3.connect(file) as connection:
--         lines = list(connection.iterdump())
-- header = Path(__file__).read_text()
-- target.write_text("".join(f"-- {line}".rstrip() + "\n" for line in header.splitlines()) + "\n".join(lines) + "\n")
BEGIN TRANSACTION;
CREATE TABLE api_keys (
	id VARCHAR(255) NOT NULL, 
	version INTEGER, 
	document TEXT, 
	PRIMARY KEY (id)
);
CREATE TABLE attempts (
	id VARCHAR(255) NOT NULL, 
	version INTEGER, 
	document TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "attempts" VALUES('d442685bef345501437db27344afe98f422185ac57234f529ae6b923bc694386',4,'{"id":"d442685bef345501437db27344afe98f422185ac57234f529ae6b923bc694386","failed":0,"since":"2026-01-01T12:01:00.000000Z","version":4}');
CREATE TABLE claims (
	id VARCHAR(255) NOT NULL, 
	version INTEGER, 
	document TEXT, 
	PRIMARY KEY (id)
);
CREATE TABLE idempotency_keys (
	id VARCHAR(255) NOT NULL, 
	version INTEGER, 
	document TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "idempotency_keys" VALUES('8605af9fa64a39bc4b32b137a927c7821bd223c3bf439b482660e2219df389bf',1,'{"id":"8605af9fa64a39bc4b32b137a927c7821bd223c3bf439b482660e2219df389bf","fingerprint":"91256ee85b2f575e69a0befc293a2316940f33ff2d297b96680eb8523ccebcb5","operation":"01a1ff1b-b479-7143-b0db-6a10ea8df1e0","created_at":"2026-01-01T12:00:00.000000Z","version":1}');
INSERT INTO "idempotency_keys" VALUES('beb87704520609e2631eb27640326a9ba431b90d57409c0b777843edf2e094e6',1,'{"id":"beb87704520609e2631eb27640326a9ba431b90d57409c0b777843edf2e094e6","fingerprint":"3bb913de7befef517594fc4bc98aac6d61b74e3e0fda25e86897d25788504ab0","operation":"01a1ff1b-b4cc-74d3-83ad-51fc93f1ae03","created_at":"2026-01-01T12:00:00.000000Z","version":1}');
INSERT INTO "idempotency_keys" VALUES('110561bcedd01c6feca239669cab4839eed035c7f855d5c0db8a05c351602499',1,'{"id":"110561bcedd01c6feca239669cab4839eed035c7f855d5c0db8a05c351602499","fingerprint":"1ffa8ff66873c2f9245297ff26952d5fbb7cafcde4387c2a5dc00346157438fd","operation":"01a1ff1b-b595-75bb-ba36-7acbe1f6bae7","created_at":"2026-01-01T12:00:00.000000Z","version":1}');
INSERT INTO "idempotency_keys" VALUES('751a3b7352e349dbedd09e2c288da5407f135d56fbd4c1b7f2bc8dfcc230e3c5',1,'{"id":"751a3b7352e349dbedd09e2c288da5407f135d56fbd4c1b7f2bc8dfcc230e3c5","fingerprint":"100c613563375e63b3786f680d271d9f43e29f9bcca8ebd24f4381d0ce15485c","operation":"01a1ff1b-b6d2-7358-bc74-75f38faea743","created_at":"2026-01-01T12:01:00.000000Z","version":1}');
CREATE TABLE journal (
	id VARCHAR(255) NOT NULL, 
	version INTEGER, 
	account VARCHAR(255), 
	document TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "journal" VALUES('01a1ff1b-b479-7143-b0db-6a10ea8df1e0:out',1,'mobile_money','{"id":"01a1ff1b-b479-7143-b0db-6a10ea8df1e0:out","account":"mobile_money","operation":"01a1ff1b-b479-7143-b0db-6a10ea8df1e0","amount":-50000,"currency":"XOF","what":"wallet_top_up","other":"01a1ff1b-b41d-70a9-a3b9-7a466c2c3327","at":"2026-01-01T12:00:00.000000Z","version":1}');
INSERT INTO "journal" VALUES('01a1ff1b-b479-7143-b0db-6a10ea8df1e0:in',1,'01a1ff1b-b41d-70a9-a3b9-7a466c2c3327','{"id":"01a1ff1b-b479-7143-b0db-6a10ea8df1e0:in","account":"01a1ff1b-b41d-70a9-a3b9-7a466c2c3327","operation":"01a1ff1b-b479-7143-b0db-6a10ea8df1e0","amount":50000,"currency":"XOF","what":"wallet_top_up","other":"mobile_money","at":"2026-01-01T12:00:00.000000Z","version":1}');
INSERT INTO "journal" VALUES('01a1ff1b-b4cc-74d3-83ad-51fc93f1ae03:out',1,'mobile_money','{"id":"01a1ff1b-b4cc-74d3-83ad-51fc93f1ae03:out","account":"mobile_money","operation":"01a1ff1b-b4cc-74d3-83ad-51fc93f1ae03","amount":-1000,"currency":"XOF","what":"wallet_top_up","other":"01a1ff1b-b465-70a2-90f8-751351c5304a","at":"2026-01-01T12:00:00.000000Z","version":1}');
INSERT INTO "journal" VALUES('01a1ff1b-b4cc-74d3-83ad-51fc93f1ae03:in',1,'01a1ff1b-b465-70a2-90f8-751351c5304a','{"id":"01a1ff1b-b4cc-74d3-83ad-51fc93f1ae03:in","account":"01a1ff1b-b465-70a2-90f8-751351c5304a","operation":"01a1ff1b-b4cc-74d3-83ad-51fc93f1ae03","amount":1000,"currency":"XOF","what":"wallet_top_up","other":"mobile_money","at":"2026-01-01T12:00:00.000000Z","version":1}');
INSERT INTO "journal" VALUES('01a1ff1b-b595-75bb-ba36-7acbe1f6bae7:out',1,'01a1ff1b-b41d-70a9-a3b9-7a466c2c3327','{"id":"01a1ff1b-b595-75bb-ba36-7acbe1f6bae7:out","account":"01a1ff1b-b41d-70a9-a3b9-7a466c2c3327","operation":"01a1ff1b-b595-75bb-ba36-7acbe1f6bae7","amount":-700,"currency":"XOF","what":"wallet_transfer","other":"01a1ff1b-b465-70a2-90f8-751351c5304a","at":"2026-01-01T12:00:00.000000Z","version":1}');
INSERT INTO "journal" VALUES('01a1ff1b-b595-75bb-ba36-7acbe1f6bae7:in',1,'01a1ff1b-b465-70a2-90f8-751351c5304a','{"id":"01a1ff1b-b595-75bb-ba36-7acbe1f6bae7:in","account":"01a1ff1b-b465-70a2-90f8-751351c5304a","operation":"01a1ff1b-b595-75bb-ba36-7acbe1f6bae7","amount":700,"currency":"XOF","what":"wallet_transfer","other":"01a1ff1b-b41d-70a9-a3b9-7a466c2c3327","at":"2026-01-01T12:00:00.000000Z","version":1}');
INSERT INTO "journal" VALUES('01a1ff1b-b6d2-7358-bc74-75f38faea743:out',1,'01a1ff1b-b41d-70a9-a3b9-7a466c2c3327','{"id":"01a1ff1b-b6d2-7358-bc74-75f38faea743:out","account":"01a1ff1b-b41d-70a9-a3b9-7a466c2c3327","operation":"01a1ff1b-b6d2-7358-bc74-75f38faea743","amount":-12000,"currency":"XOF","what":"wallet_transfer","other":"01a1ff1b-b465-70a2-90f8-751351c5304a","at":"2026-01-01T12:01:00.000000Z","version":1}');
CREATE TABLE merchants (
	id VARCHAR(255) NOT NULL, 
	version INTEGER, 
	document TEXT, 
	PRIMARY KEY (id)
);
CREATE TABLE operations (
	id VARCHAR(255) NOT NULL, 
	version INTEGER, 
	fingerprint VARCHAR(255), 
	kind VARCHAR(255), 
	due_at VARCHAR(255), 
	status VARCHAR(255), 
	subject VARCHAR(255), 
	counterpart VARCHAR(255), 
	document TEXT, 
	PRIMARY KEY (id), 
	CONSTRAINT operations_fingerprint_unique UNIQUE (fingerprint)
);
INSERT INTO "operations" VALUES('01a1ff1b-b479-7143-b0db-6a10ea8df1e0',4,NULL,'wallet_top_up',NULL,'succeeded','01a1ff1b-b41d-70a9-a3b9-7a466c2c3327',NULL,'{"id":"01a1ff1b-b479-7143-b0db-6a10ea8df1e0","kind":"wallet_top_up","status":"succeeded","request":{"wallet":"01a1ff1b-b41d-70a9-a3b9-7a466c2c3327","msisdn":"+2250700000001","amount":50000,"currency":"XOF"},"subject":"01a1ff1b-b41d-70a9-a3b9-7a466c2c3327","counterpart":null,"client":"01a1ff1b-b41d-70a9-a3b9-7a466c2c3327","idempotency_key":"01a1ff1b-b479-7143-b0db-6a0fe18a566d","fingerprint":null,"steps":{"debit":{"reference":"01a1ff1b-b479-7143-b0db-6a10ea8df1e0:debit","state":"done","attempts":1,"enquiries":0,"begun_at":"2026-01-01T12:00:00.000000Z","submitted_at":"2026-01-01T12:00:00.000000Z","doubt_since":null,"acknowledged":false,"next_at":null,"result":{},"last_error":null},"settle":{"reference":"01a1ff1b-b479-7143-b0db-6a10ea8df1e0:settle","state":"done","attempts":1,"enquiries":0,"begun_at":"2026-01-01T12:00:00.000000Z","submitted_at":"2026-01-01T12:00:00.000000Z","doubt_since":null,"acknowledged":false,"next_at":null,"result":{},"last_error":null}},"error":null,"due_at":null,"lease":null,"history":[{"at":"2026-01-01T12:00:00.000000Z","event":"accepted","text":"the request is stored and will be processed","step":null},{"at":"2026-01-01T12:00:00.000000Z","event":"processing","text":"a worker began the first step","step":null},{"at":"2026-01-01T12:00:00.000000Z","event":"step_begun","text":"debit of 50000 XOF: begun","step":"debit"},{"at":"2026-01-01T12:00:00.000000Z","event":"step_done","text":"debit of 50000 XOF: done","step":"debit"},{"at":"2026-01-01T12:00:00.000000Z","event":"step_begun","text":"crediting the wallet: begun","step":"settle"},{"at":"2026-01-01T12:00:00.000000Z","event":"step_done","text":"crediting the wallet: done","step":"settle"},{"at":"2026-01-01T12:00:00.000000Z","event":"succeeded","text":"every step is done","step":null}],"created_at":"2026-01-01T12:00:00.000000Z","updated_at":"2026-01-01T12:00:00.000000Z","trace":null,"tell":null,"version":4}');
INSERT INTO "operations" VALUES('01a1ff1b-b4cc-74d3-83ad-51fc93f1ae03',4,NULL,'wallet_top_up',NULL,'succeeded','01a1ff1b-b465-70a2-90f8-751351c5304a',NULL,'{"id":"01a1ff1b-b4cc-74d3-83ad-51fc93f1ae03","kind":"wallet_top_up","status":"succeeded","request":{"wallet":"01a1ff1b-b465-70a2-90f8-751351c5304a","msisdn":"+2250700000002","amount":1000,"currency":"XOF"},"subject":"01a1ff1b-b465-70a2-90f8-751351c5304a","counterpart":null,"client":"01a1ff1b-b465-70a2-90f8-751351c5304a","idempotency_key":"01a1ff1b-b4cb-7290-8e07-4066ca3d389a","fingerprint":null,"steps":{"debit":{"reference":"01a1ff1b-b4cc-74d3-83ad-51fc93f1ae03:debit","state":"done","attempts":1,"enquiries":0,"begun_at":"2026-01-01T12:00:00.000000Z","submitted_at":"2026-01-01T12:00:00.000000Z","doubt_since":null,"acknowledged":false,"next_at":null,"result":{},"last_error":null},"settle":{"reference":"01a1ff1b-b4cc-74d3-83ad-51fc93f1ae03:settle","state":"done","attempts":1,"enquiries":0,"begun_at":"2026-01-01T12:00:00.000000Z","submitted_at":"2026-01-01T12:00:00.000000Z","doubt_since":null,"acknowledged":false,"next_at":null,"result":{},"last_error":null}},"error":null,"due_at":null,"lease":null,"history":[{"at":"2026-01-01T12:00:00.000000Z","event":"accepted","text":"the request is stored and will be processed","step":null},{"at":"2026-01-01T12:00:00.000000Z","event":"processing","text":"a worker began the first step","step":null},{"at":"2026-01-01T12:00:00.000000Z","event":"step_begun","text":"debit of 1000 XOF: begun","step":"debit"},{"at":"2026-01-01T12:00:00.000000Z","event":"step_done","text":"debit of 1000 XOF: done","step":"debit"},{"at":"2026-01-01T12:00:00.000000Z","event":"step_begun","text":"crediting the wallet: begun","step":"settle"},{"at":"2026-01-01T12:00:00.000000Z","event":"step_done","text":"crediting the wallet: done","step":"settle"},{"at":"2026-01-01T12:00:00.000000Z","event":"succeeded","text":"every step is done","step":null}],"created_at":"2026-01-01T12:00:00.000000Z","updated_at":"2026-01-01T12:00:00.000000Z","trace":null,"tell":null,"version":4}');
INSERT INTO "operations" VALUES('01a1ff1b-b595-75bb-ba36-7acbe1f6bae7',5,NULL,'wallet_transfer',NULL,'succeeded','01a1ff1b-b41d-70a9-a3b9-7a466c2c3327','01a1ff1b-b465-70a2-90f8-751351c5304a','{"id":"01a1ff1b-b595-75bb-ba36-7acbe1f6bae7","kind":"wallet_transfer","status":"succeeded","request":{"from":"01a1ff1b-b41d-70a9-a3b9-7a466c2c3327","to":"01a1ff1b-b465-70a2-90f8-751351c5304a","to_name":"+225*******002","amount":700,"currency":"XOF","note":null},"subject":"01a1ff1b-b41d-70a9-a3b9-7a466c2c3327","counterpart":"01a1ff1b-b465-70a2-90f8-751351c5304a","client":"01a1ff1b-b41d-70a9-a3b9-7a466c2c3327","idempotency_key":"01a1ff1b-b511-72c2-8851-60fb62941654:3","fingerprint":null,"steps":{"check":{"reference":"01a1ff1b-b595-75bb-ba36-7acbe1f6bae7:check","state":"done","attempts":1,"enquiries":0,"begun_at":"2026-01-01T12:00:00.000000Z","submitted_at":"2026-01-01T12:00:00.000000Z","doubt_since":null,"acknowledged":false,"next_at":null,"result":{},"last_error":null},"hold":{"reference":"01a1ff1b-b595-75bb-ba36-7acbe1f6bae7:hold","state":"done","attempts":1,"enquiries":0,"begun_at":"2026-01-01T12:00:00.000000Z","submitted_at":"2026-01-01T12:00:00.000000Z","doubt_since":null,"acknowledged":false,"next_at":null,"result":{},"last_error":null},"settle":{"reference":"01a1ff1b-b595-75bb-ba36-7acbe1f6bae7:settle","state":"done","attempts":1,"enquiries":0,"begun_at":"2026-01-01T12:00:00.000000Z","submitted_at":"2026-01-01T12:00:00.000000Z","doubt_since":null,"acknowledged":false,"next_at":null,"result":{},"last_error":null}},"error":null,"due_at":null,"lease":null,"history":[{"at":"2026-01-01T12:00:00.000000Z","event":"accepted","text":"the request is stored and will be processed","step":null},{"at":"2026-01-01T12:00:00.000000Z","event":"processing","text":"a worker began the first step","step":null},{"at":"2026-01-01T12:00:00.000000Z","event":"step_begun","text":"checking the accounts: begun","step":"check"},{"at":"2026-01-01T12:00:00.000000Z","event":"step_done","text":"checking the accounts: done","step":"check"},{"at":"2026-01-01T12:00:00.000000Z","event":"step_begun","text":"holding 700 XOF: begun","step":"hold"},{"at":"2026-01-01T12:00:00.000000Z","event":"step_done","text":"holding 700 XOF: done","step":"hold"},{"at":"2026-01-01T12:00:00.000000Z","event":"step_begun","text":"sending the money: begun","step":"settle"},{"at":"2026-01-01T12:00:00.000000Z","event":"step_done","text":"sending the money: done","step":"settle"},{"at":"2026-01-01T12:00:00.000000Z","event":"succeeded","text":"every step is done","step":null}],"created_at":"2026-01-01T12:00:00.000000Z","updated_at":"2026-01-01T12:00:00.000000Z","trace":null,"tell":{"msisdn":"+2250700000001","language":"en","what":"Transfer","amount":700,"currency":"XOF"},"version":5}');
INSERT INTO "operations" VALUES('01a1ff1b-b629-71f8-b211-d1b72bb74edb',4,'e34323805134b17169aedba7a25ecc0a9e79b9740434311d943ef5061f2c4e01','sms',NULL,'succeeded','+2250700000001',NULL,'{"id":"01a1ff1b-b629-71f8-b211-d1b72bb74edb","kind":"sms","status":"succeeded","request":{"to":"+2250700000001","about":"01a1ff1b-b595-75bb-ba36-7acbe1f6bae7","text":null},"subject":"+2250700000001","counterpart":null,"client":"worker","idempotency_key":null,"fingerprint":"e34323805134b17169aedba7a25ecc0a9e79b9740434311d943ef5061f2c4e01","steps":{"wait":{"reference":"01a1ff1b-b629-71f8-b211-d1b72bb74edb:wait","state":"done","attempts":1,"enquiries":0,"begun_at":"2026-01-01T12:00:00.000000Z","submitted_at":"2026-01-01T12:00:00.000000Z","doubt_since":null,"acknowledged":false,"next_at":null,"result":{"text":"Transfer 700 XOF: done. Ref e1f6bae7"},"last_error":null},"send":{"reference":"01a1ff1b-b629-71f8-b211-d1b72bb74edb:send","state":"done","attempts":1,"enquiries":0,"begun_at":"2026-01-01T12:00:00.000000Z","submitted_at":"2026-01-01T12:00:00.000000Z","doubt_since":null,"acknowledged":false,"next_at":null,"result":{},"last_error":null}},"error":null,"due_at":null,"lease":null,"history":[{"at":"2026-01-01T12:00:00.000000Z","event":"accepted","text":"the request is stored and will be processed","step":null},{"at":"2026-01-01T12:00:00.000000Z","event":"processing","text":"a worker began the first step","step":null},{"at":"2026-01-01T12:00:00.000000Z","event":"step_begun","text":"waiting for the end: begun","step":"wait"},{"at":"2026-01-01T12:00:00.000000Z","event":"step_done","text":"waiting for the end: done","step":"wait"},{"at":"2026-01-01T12:00:00.000000Z","event":"step_begun","text":"sending the message: begun","step":"send"},{"at":"2026-01-01T12:00:00.000000Z","event":"step_done","text":"sending the message: done","step":"send"},{"at":"2026-01-01T12:00:00.000000Z","event":"succeeded","text":"every step is done","step":null}],"created_at":"2026-01-01T12:00:00.000000Z","updated_at":"2026-01-01T12:00:00.000000Z","trace":null,"tell":null,"version":4}');
INSERT INTO "operations" VALUES('01a1ff1b-b6d2-7358-bc74-75f38faea743',4,NULL,'wallet_transfer','2026-01-01T12:01:18.000000Z','processing','01a1ff1b-b41d-70a9-a3b9-7a466c2c3327','01a1ff1b-b465-70a2-90f8-751351c5304a','{"id":"01a1ff1b-b6d2-7358-bc74-75f38faea743","kind":"wallet_transfer","status":"processing","request":{"from":"01a1ff1b-b41d-70a9-a3b9-7a466c2c3327","to":"01a1ff1b-b465-70a2-90f8-751351c5304a","to_name":"+225*******002","amount":12000,"currency":"XOF","note":null},"subject":"01a1ff1b-b41d-70a9-a3b9-7a466c2c3327","counterpart":"01a1ff1b-b465-70a2-90f8-751351c5304a","client":"01a1ff1b-b41d-70a9-a3b9-7a466c2c3327","idempotency_key":"01a1ff1b-b66c-71aa-90dd-52c172c91dc3:3","fingerprint":null,"steps":{"check":{"reference":"01a1ff1b-b6d2-7358-bc74-75f38faea743:check","state":"done","attempts":1,"enquiries":0,"begun_at":"2026-01-01T12:01:00.000000Z","submitted_at":"2026-01-01T12:01:00.000000Z","doubt_since":null,"acknowledged":false,"next_at":null,"result":{},"last_error":null},"hold":{"reference":"01a1ff1b-b6d2-7358-bc74-75f38faea743:hold","state":"done","attempts":1,"enquiries":0,"begun_at":"2026-01-01T12:01:00.000000Z","submitted_at":"2026-01-01T12:01:00.000000Z","doubt_since":null,"acknowledged":false,"next_at":null,"result":{},"last_error":null},"settle":{"reference":"01a1ff1b-b6d2-7358-bc74-75f38faea743:settle","state":"submitted","attempts":1,"enquiries":0,"begun_at":"2026-01-01T12:01:00.000000Z","submitted_at":"2026-01-01T12:01:00.000000Z","doubt_since":null,"acknowledged":false,"next_at":null,"result":{},"last_error":null}},"error":null,"due_at":"2026-01-01T12:01:18.000000Z","lease":{"worker":"worker-1","until":"2026-01-01T12:01:18.000000Z"},"history":[{"at":"2026-01-01T12:01:00.000000Z","event":"accepted","text":"the request is stored and will be processed","step":null},{"at":"2026-01-01T12:01:00.000000Z","event":"processing","text":"a worker began the first step","step":null},{"at":"2026-01-01T12:01:00.000000Z","event":"step_begun","text":"checking the accounts: begun","step":"check"},{"at":"2026-01-01T12:01:00.000000Z","event":"step_done","text":"checking the accounts: done","step":"check"},{"at":"2026-01-01T12:01:00.000000Z","event":"step_begun","text":"holding 12000 XOF: begun","step":"hold"},{"at":"2026-01-01T12:01:00.000000Z","event":"step_done","text":"holding 12000 XOF: done","step":"hold"},{"at":"2026-01-01T12:01:00.000000Z","event":"step_begun","text":"sending the money: begun","step":"settle"}],"created_at":"2026-01-01T12:01:00.000000Z","updated_at":"2026-01-01T12:01:00.000000Z","trace":null,"tell":{"msisdn":"+2250700000001","language":"en","what":"Transfer","amount":12000,"currency":"XOF"},"version":4}');
INSERT INTO "operations" VALUES('01a1ff1b-b6fb-72f7-9f93-05cec715983e',1,'1d7031f19bccbef988d3d1ffbaf891b57b67213ffd36ff6b02c3602179616883','fine_payment','2026-01-01T12:01:00.000000Z','accepted','+2250707000001',NULL,'{"id":"01a1ff1b-b6fb-72f7-9f93-05cec715983e","kind":"fine_payment","status":"accepted","request":{"msisdn":"+2250707000001","currency":"XOF","amount":25000,"amendes":[{"id":"AM-2026-000123","amount":15000},{"id":"AM-2026-000124","amount":10000}]},"subject":"+2250707000001","counterpart":null,"client":"anonymous","idempotency_key":null,"fingerprint":"1d7031f19bccbef988d3d1ffbaf891b57b67213ffd36ff6b02c3602179616883","steps":{},"error":null,"due_at":"2026-01-01T12:01:00.000000Z","lease":null,"history":[{"at":"2026-01-01T12:01:00.000000Z","event":"accepted","text":"the request is stored and will be processed","step":null}],"created_at":"2026-01-01T12:01:00.000000Z","updated_at":"2026-01-01T12:01:00.000000Z","trace":null,"tell":null,"version":1}');
CREATE TABLE partners (
	id VARCHAR(255) NOT NULL, 
	version INTEGER, 
	document TEXT, 
	PRIMARY KEY (id)
);
CREATE TABLE people (
	id VARCHAR(255) NOT NULL, 
	version INTEGER, 
	username VARCHAR(255), 
	msisdn VARCHAR(255), 
	document TEXT, 
	PRIMARY KEY (id), 
	CONSTRAINT people_username_unique UNIQUE (username), 
	CONSTRAINT people_msisdn_unique UNIQUE (msisdn)
);
INSERT INTO "people" VALUES('01a1ff1b-b41d-70a9-a3b9-7a466c2c3327',1,NULL,'+2250700000001','{"id":"01a1ff1b-b41d-70a9-a3b9-7a466c2c3327","username":null,"shown":null,"msisdn":"+2250700000001","role":"user","password":null,"pin":"$argon2id$v=19$m=8,t=1,p=1$Q+YO+cp/iQ4$vKCD8Q","language":"en","suspended":false,"created_at":"2026-01-01T12:00:00.000000Z","version":1}');
INSERT INTO "people" VALUES('01a1ff1b-b465-70a2-90f8-751351c5304a',1,NULL,'+2250700000002','{"id":"01a1ff1b-b465-70a2-90f8-751351c5304a","username":null,"shown":null,"msisdn":"+2250700000002","role":"user","password":null,"pin":"$argon2id$v=19$m=8,t=1,p=1$dhclZH8ZFtE$FKjD+w","language":"en","suspended":false,"created_at":"2026-01-01T12:00:00.000000Z","version":1}');
CREATE TABLE services (
	id VARCHAR(255) NOT NULL, 
	version INTEGER, 
	state VARCHAR(255), 
	document TEXT, 
	PRIMARY KEY (id)
);
CREATE TABLE ussd_sessions (
	id VARCHAR(255) NOT NULL, 
	version INTEGER, 
	document TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "ussd_sessions" VALUES('a331520736bfc976381ce4dcdd6f5f984fa7becead0e790b554cbfad59fb21b9',21,'{"id":"a331520736bfc976381ce4dcdd6f5f984fa7becead0e790b554cbfad59fb21b9","session":"json:01a1ff1b-b755-76be-8867-5d0827dcd947","dial":"01a1ff1b-b756-73db-9cd8-ac2512f475bc","tells":["01a1ff1b-b6d2-7358-bc74-75f38faea743"],"version":21,"steps":2,"place":{"screen":"transfer.amount","behind":["main","transfer.to"],"data":{"news":["Transfer 12,000 XOF: under way. Ref 8faea743"],"to":"01a1ff1b-b465-70a2-90f8-751351c5304a","to_name":"+2250700000002"},"page":0},"over":false,"resume":false,"message":"Amount:","last":"b63f89bf2e33026acc533e219e17997ed81927c6ff7b6e8eff5a70777bf7a3c7","last_on":["transfer.to",0],"claimed_at":null,"at":"2026-01-01T12:01:00.000000Z"}');
INSERT INTO "ussd_sessions" VALUES('6c1a984d1f2e16e0f92705ac811c0b53e906a1afe1819263bd9bcc974aaead14',6,'{"id":"6c1a984d1f2e16e0f92705ac811c0b53e906a1afe1819263bd9bcc974aaead14","session":"json:01a1ff1b-b431-73ad-a3d9-3af8d13e7bcc","dial":"01a1ff1b-b433-70e9-94a3-c136b485f4cf","tells":[],"steps":3,"place":{"screen":"main","behind":[],"data":{"language":"en","known":null,"pin":null},"page":0},"over":false,"resume":false,"message":"1 Transfer money\n2 Withdraw\n3 Pay services\n4 Fines\n5 Balance\n6 Recharge\n7 Mini-statement\n8 My account","last":"1a12a37e3505033656757ac4e399c15c5e0f6199c62eb50527ebee209fa2f137","last_on":["register.again",0],"claimed_at":null,"at":"2026-01-01T12:00:00.000000Z","version":6}');
CREATE TABLE wallets (
	id VARCHAR(255) NOT NULL, 
	version INTEGER, 
	document TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "wallets" VALUES('01a1ff1b-b41d-70a9-a3b9-7a466c2c3327',6,'{"id":"01a1ff1b-b41d-70a9-a3b9-7a466c2c3327","currency":"XOF","balance":37300,"holds":{"01a1ff1b-b6d2-7358-bc74-75f38faea743":12000},"applied":{},"version":6}');
INSERT INTO "wallets" VALUES('01a1ff1b-b465-70a2-90f8-751351c5304a',6,'{"id":"01a1ff1b-b465-70a2-90f8-751351c5304a","currency":"XOF","balance":13700,"holds":{},"applied":{"01a1ff1b-b6d2-7358-bc74-75f38faea743":12000},"version":6}');
CREATE INDEX operations_kind_id ON operations (kind, id);
CREATE INDEX operations_kind_due_at_id ON operations (kind, due_at, id);
CREATE INDEX operations_kind_status_id ON operations (kind, status, id);
CREATE INDEX operations_kind_counterpart_id ON operations (kind, counterpart, id);
CREATE INDEX operations_kind_subject_id ON operations (kind, subject, id);
CREATE INDEX services_state_id ON services (state, id);
CREATE INDEX journal_account_id ON journal (account, id);
COMMIT;
