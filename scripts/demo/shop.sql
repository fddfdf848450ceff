-- A shop with a few hundred thousand rows. Always the same ones: setseed.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
SELECT setseed(0.42) \g /dev/null

CREATE TYPE order_status AS ENUM ('open', 'paid', 'shipped', 'returned', 'cancelled');
CREATE DOMAIN email AS text CHECK (VALUE ~ '^[^@\s]+@[^@\s]+\.[a-z]+$');

CREATE TABLE customers (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name           text NOT NULL,
    email          email NOT NULL UNIQUE,
    loyalty_points integer NOT NULL DEFAULT 0 CHECK (loyalty_points >= 0),
    joined_at      timestamptz NOT NULL,
    preferences    jsonb NOT NULL DEFAULT '{}'
);
CREATE TABLE addresses (
    id          bigserial PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customers ON DELETE CASCADE,
    kind        varchar(10) NOT NULL CHECK (kind IN ('billing', 'shipping')),
    street      text NOT NULL,
    city        text NOT NULL,
    postcode    text NOT NULL,
    country     char(2) NOT NULL
);
CREATE TABLE products (
    id          serial PRIMARY KEY,
    sku         text NOT NULL UNIQUE,
    title       text NOT NULL,
    net_price   numeric(10, 2) NOT NULL,
    vat_percent numeric(4, 2) NOT NULL DEFAULT 19,
    gross_price numeric(12, 2) GENERATED ALWAYS AS (round(net_price * (1 + vat_percent / 100), 2)) STORED,
    attributes  jsonb NOT NULL,
    manual      oid
);
CREATE TABLE orders (
    id          bigserial PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customers,
    address_id  bigint NOT NULL REFERENCES addresses,
    status      order_status NOT NULL DEFAULT 'open',
    placed_at   timestamptz NOT NULL,
    legacy_note text
);
CREATE TABLE order_items (
    order_id   bigint NOT NULL REFERENCES orders ON DELETE CASCADE,
    line       smallint NOT NULL,
    product_id integer NOT NULL REFERENCES products,
    quantity   integer NOT NULL CHECK (quantity > 0),
    unit_price numeric(10, 2) NOT NULL,
    amount     numeric(14, 2) GENERATED ALWAYS AS (quantity * unit_price) STORED,
    PRIMARY KEY (order_id, line)
);
CREATE TABLE payments (
    id       bigserial PRIMARY KEY,
    order_id bigint NOT NULL REFERENCES orders,
    method   text NOT NULL,
    amount   numeric(14, 2) NOT NULL,
    paid_at  timestamptz NOT NULL
);
CREATE TABLE events (
    id          bigserial PRIMARY KEY,
    customer_id bigint REFERENCES customers,
    happened_at timestamptz NOT NULL,
    payload     jsonb NOT NULL
);

INSERT INTO customers (name, email, loyalty_points, joined_at, preferences)
SELECT f.name || ' ' || l.name, lower(f.name || '.' || l.name || n || '@example.com'),
       (random() * 900)::int, timestamptz '2022-01-01' + n * interval '40 minutes',
       jsonb_build_object('newsletter', random() < 0.4, 'language', (ARRAY['de', 'en', 'fr', 'pl'])[1 + n % 4])
FROM generate_series(1, 30000) AS n,
     LATERAL (SELECT (ARRAY['Ada', 'Björn', 'Chloé', 'Deniz', 'Emil', 'Fatma', 'Grzegorz', 'Hana', 'Ines',
                            'Jürgen', 'Kaja', 'Liam', 'Mina', 'Noor', 'Olga', 'Paul'])[1 + (n * 7) % 16] AS name) AS f,
     LATERAL (SELECT (ARRAY['Adler', 'Brandt', 'Costa', 'Dubois', 'Eriksson', 'Fischer', 'García', 'Horák',
                            'Ivanova', 'Jansen', 'Kaya', 'Larsen', 'Meyer'])[1 + (n * 11) % 13] AS name) AS l;

INSERT INTO addresses (customer_id, kind, street, city, postcode, country)
SELECT 1 + (n - 1) % 30000, CASE WHEN n <= 30000 THEN 'shipping' ELSE 'billing' END,
       (ARRAY['Lindenweg', 'Rue de la Paix', 'High Street', 'Calle Mayor', 'ul. Długa'])[1 + n % 5] || ' ' || 1 + n % 180,
       (ARRAY['Leipzig', 'Lyon', 'Leeds', 'León', 'Łódź'])[1 + n % 5], lpad((n * 37 % 99999)::text, 5, '0'),
       (ARRAY['DE', 'FR', 'GB', 'ES', 'PL'])[1 + n % 5]
FROM generate_series(1, 45000) AS n;

INSERT INTO products (sku, title, net_price, vat_percent, attributes)
SELECT 'SKU-' || lpad(n::text, 6, '0'),
       (ARRAY['Oak', 'Steel', 'Linen', 'Walnut', 'Glass'])[1 + n % 5] || ' '
           || (ARRAY['table', 'lamp', 'chair', 'shelf', 'bowl', 'clock'])[1 + n % 6] || ' no. ' || n,
       round((5 + random() * 400)::numeric, 2), CASE WHEN n % 9 = 0 THEN 7 ELSE 19 END,
       jsonb_build_object('weight_g', 100 + n % 9000, 'tags', jsonb_build_array('home', 'batch-' || n % 40))
FROM generate_series(1, 1500) AS n;
UPDATE products SET manual = lo_from_bytea(0, convert_to(repeat('How to assemble the shelf. ', 4000), 'UTF8'))
WHERE sku = 'SKU-000003';

INSERT INTO orders (customer_id, address_id, status, placed_at, legacy_note)
SELECT c, c, (ARRAY['open', 'paid', 'paid', 'shipped', 'shipped', 'shipped', 'returned', 'cancelled']::order_status[])[1 + n % 8],
       timestamptz '2024-01-01' + n * interval '17 minutes',
       CASE WHEN n % 12 = 0 THEN 'imported from the old shop, ticket ' || n END
FROM generate_series(1, 60000) AS n, LATERAL (SELECT 1 + (n::bigint * 7919) % 30000 AS c) AS chosen;

INSERT INTO order_items (order_id, line, product_id, quantity, unit_price)
SELECT o.id, line, p.id, 1 + (o.id + line) % 4, p.net_price
FROM orders AS o CROSS JOIN generate_series(1, 3) AS line
JOIN products AS p ON p.id = 1 + (o.id * 13 + line * 101) % 1500
WHERE line <= 1 + o.id % 3;

INSERT INTO payments (order_id, method, amount, paid_at)
SELECT o.id, (ARRAY['card', 'transfer', 'invoice'])[1 + o.id % 3], sum(i.amount), o.placed_at + interval '3 hours'
FROM orders AS o JOIN order_items AS i ON i.order_id = o.id
WHERE o.status IN ('paid', 'shipped', 'returned')
GROUP BY o.id;

INSERT INTO events (customer_id, happened_at, payload)
SELECT CASE WHEN n % 5 > 0 THEN 1 + (n::bigint * 104729) % 30000 END, timestamptz '2025-06-01' + n * interval '90 seconds',
       jsonb_build_object('kind', (ARRAY['view', 'search', 'basket', 'checkout'])[1 + n % 4], 'product', 1 + n % 1500,
                          'agent', 'Mozilla/5.0 (X11; Linux x86_64)', 'ms', round((random() * 800)::numeric, 1))
FROM generate_series(1, 100000) AS n;

CREATE INDEX orders_by_customer ON orders (customer_id, placed_at DESC);
CREATE INDEX open_orders ON orders (placed_at) WHERE status = 'open';
CREATE INDEX events_by_payload ON events USING gin (payload jsonb_path_ops);
CREATE VIEW revenue_by_day AS
    SELECT date_trunc('day', paid_at) AS day, method, sum(amount) AS revenue FROM payments GROUP BY 1, 2;
CREATE MATERIALIZED VIEW best_sellers AS
    SELECT p.sku, p.title, sum(i.quantity) AS sold FROM order_items AS i JOIN products AS p ON p.id = i.product_id
    GROUP BY p.id ORDER BY sold DESC LIMIT 100;
CREATE FUNCTION no_order_for_the_future() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.placed_at > now() + interval '1 day' THEN
        RAISE EXCEPTION 'an order placed on %', NEW.placed_at;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER orders_not_in_the_future BEFORE INSERT OR UPDATE ON orders
    FOR EACH ROW EXECUTE FUNCTION no_order_for_the_future();
COMMENT ON COLUMN orders.legacy_note IS 'from the shop before this one';
ANALYZE customers, addresses, products, orders, order_items, payments, events;
