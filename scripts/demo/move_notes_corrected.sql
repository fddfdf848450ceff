-- Notes leave the orders for a table of their own, with the payment that they are about.
BEGIN;
CREATE TABLE order_notes (
    order_id    bigint PRIMARY KEY REFERENCES orders ON DELETE CASCADE,
    payment_id  bigint REFERENCES payments,
    legacy_note text NOT NULL
);
INSERT INTO order_notes
SELECT o.id, p.id, o.legacy_note FROM orders AS o
LEFT JOIN payments AS p ON p.order_id = o.id
WHERE o.legacy_note IS NOT NULL;
ALTER TABLE orders DROP COLUMN legacy_note;
ALTER TABLE customers RENAME COLUMN name TO full_name;
COMMIT;
