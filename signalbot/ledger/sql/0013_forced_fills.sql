-- Why an exchange traded unasked: a liquidation is not a deleveraging.

ALTER TABLE fills ADD COLUMN forced TEXT CHECK (forced IN ('liquidation', 'deleveraging'));
UPDATE fills SET forced = 'liquidation' WHERE is_liquidation = 1;
ALTER TABLE fills DROP COLUMN is_liquidation;

ALTER TABLE simulated_fills ADD COLUMN forced TEXT CHECK (forced IN ('liquidation', 'deleveraging'));
UPDATE simulated_fills SET forced = 'liquidation' WHERE is_liquidation = 1;
ALTER TABLE simulated_fills DROP COLUMN is_liquidation;
