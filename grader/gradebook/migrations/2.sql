-- Attempts that were chosen.
CREATE TABLE choices (
  id       INTEGER PRIMARY KEY,
  task     TEXT NOT NULL REFERENCES tasks,
  student  TEXT NOT NULL REFERENCES students,
  recorded TEXT NOT NULL,
  attempt  INTEGER CHECK (attempt >= 1),
  reason   TEXT NOT NULL CHECK (reason <> '')
) STRICT;
CREATE TRIGGER choices_stay BEFORE UPDATE ON choices BEGIN SELECT RAISE(ABORT, 'choices are append-only'); END;
CREATE TRIGGER choices_last BEFORE DELETE ON choices BEGIN SELECT RAISE(ABORT, 'choices are append-only'); END;
