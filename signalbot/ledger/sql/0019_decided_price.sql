-- What the levels of an entry were measured from: they are measured anew from what it filled at.

ALTER TABLE orders ADD COLUMN decided_price TEXT;
