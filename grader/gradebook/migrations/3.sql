-- Any metric: what was a balanced accuracy is the value of a metric, which has a name and a best end.
DROP VIEW IF EXISTS leaderboard;
DROP VIEW IF EXISTS current_results;
ALTER TABLE results RENAME COLUMN balanced_accuracy TO value;
ALTER TABLE repeats RENAME COLUMN balanced_accuracy TO value;
ALTER TABLE results ADD COLUMN metric TEXT;
ALTER TABLE results ADD COLUMN best TEXT CHECK (best IN ('high', 'low'));
-- Older results are of the one metric that there was. The columns are new, so nothing that was recorded changes.
DROP TRIGGER results_stay;
UPDATE results SET metric = 'balanced accuracy', best = 'high' WHERE verdict = 'scored';
CREATE TRIGGER results_stay BEFORE UPDATE ON results BEGIN SELECT RAISE(ABORT, 'results are append-only'); END;
