-- What a release brings: two renames, one column on its way to a table of its own, one dropped.
BEGIN;

ALTER TABLE events RENAME TO activity;

ALTER TABLE customers RENAME COLUMN name TO full_name;

CREATE TABLE loyalty_accounts (
    customer_id    bigint PRIMARY KEY REFERENCES customers ON DELETE CASCADE,
    loyalty_points integer NOT NULL CHECK (loyalty_points >= 0)
);
INSERT INTO loyalty_accounts SELECT id, loyalty_points FROM customers;
ALTER TABLE customers DROP COLUMN loyalty_points;

ALTER TABLE orders DROP COLUMN legacy_note;

CREATE INDEX payments_by_order ON payments (order_id);

COMMIT;
