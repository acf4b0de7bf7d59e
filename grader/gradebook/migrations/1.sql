-- Deadlines with a rule for late work, rosters, and adjusted points.
ALTER TABLE tasks ADD COLUMN deadline TEXT;
ALTER TABLE tasks ADD COLUMN late TEXT NOT NULL DEFAULT 'mark';
ALTER TABLE submissions ADD COLUMN days_late INTEGER NOT NULL DEFAULT 0 CHECK (days_late >= 0);
ALTER TABLE submissions ADD COLUMN penalty INTEGER NOT NULL DEFAULT 0 CHECK (penalty BETWEEN 0 AND 100);
CREATE TABLE rosters (
  task    TEXT NOT NULL REFERENCES tasks,
  student TEXT NOT NULL REFERENCES students,
  PRIMARY KEY (task, student)
) STRICT;
CREATE TABLE adjustments (
  id       INTEGER PRIMARY KEY,
  task     TEXT NOT NULL REFERENCES tasks,
  student  TEXT NOT NULL REFERENCES students,
  recorded TEXT NOT NULL,
  points   INTEGER CHECK (points BETWEEN 0 AND 100),
  reason   TEXT NOT NULL CHECK (reason <> '')
) STRICT;
CREATE TRIGGER adjustments_stay BEFORE UPDATE ON adjustments BEGIN SELECT RAISE(ABORT, 'adjustments are append-only'); END;
CREATE TRIGGER adjustments_last BEFORE DELETE ON adjustments BEGIN SELECT RAISE(ABORT, 'adjustments are append-only'); END;
