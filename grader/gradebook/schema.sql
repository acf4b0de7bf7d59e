-- The tables of the gradebook, version 4; its views are in views.sql.
-- What is recorded here is never changed: a new result is a new row. Times are ISO 8601 in UTC.

CREATE TABLE tasks (
  id          TEXT PRIMARY KEY,
  leaderboard TEXT NOT NULL CHECK (leaderboard IN ('best', 'latest')),  -- which attempt of a student counts
  deadline    TEXT,                        -- with its time zone; NULL where there is none
  late        TEXT NOT NULL DEFAULT 'mark'  -- count, mark, zero, or -N%/day: the points that late work loses
) STRICT;

CREATE TABLE students (
  id      TEXT PRIMARY KEY,
  name    TEXT NOT NULL DEFAULT '',
  email   TEXT NOT NULL DEFAULT '',
  section TEXT NOT NULL DEFAULT ''
) STRICT;

-- Who was in a roster that a task was graded with.
CREATE TABLE rosters (
  task    TEXT NOT NULL REFERENCES tasks,
  student TEXT NOT NULL REFERENCES students,
  PRIMARY KEY (task, student)
) STRICT;

-- One call of a command that records results.
CREATE TABLE runs (
  id       INTEGER PRIMARY KEY,
  began    TEXT NOT NULL,
  ended    TEXT,           -- NULL: it runs, or was killed
  command  TEXT NOT NULL,  -- grade, regrade, rescore
  settings TEXT NOT NULL,  -- JSON
  versions TEXT NOT NULL,  -- JSON
  machine  TEXT NOT NULL   -- JSON
) STRICT;

-- What a student sent. The same bytes from the same student are the same attempt.
CREATE TABLE submissions (
  id         INTEGER PRIMARY KEY,
  task       TEXT NOT NULL REFERENCES tasks,
  student    TEXT NOT NULL REFERENCES students,
  attempt    INTEGER NOT NULL CHECK (attempt >= 1),
  path       TEXT NOT NULL,
  digest     TEXT NOT NULL,  -- SHA-256 of the file; 'path:...' where it could not be read
  submitted  TEXT,           -- as the learning platform says
  first_seen TEXT NOT NULL,
  late       INTEGER NOT NULL DEFAULT 0 CHECK (late IN (0, 1)),  -- as the learning platform says
  days_late  INTEGER NOT NULL DEFAULT 0 CHECK (days_late >= 0),  -- begun since the task's deadline
  penalty    INTEGER NOT NULL DEFAULT 0 CHECK (penalty BETWEEN 0 AND 100),  -- points that the task's rule takes for it
  UNIQUE (task, student, digest),
  UNIQUE (task, student, attempt)
) STRICT;

CREATE TABLE results (
  id                INTEGER PRIMARY KEY,
  submission        INTEGER NOT NULL REFERENCES submissions,
  run               INTEGER NOT NULL REFERENCES runs,
  recorded          TEXT NOT NULL,
  context           TEXT NOT NULL,  -- what decides a score besides the slot: task, settings, seeds
  slot              TEXT NOT NULL,  -- hash of the slot without comments and white space; '' where there is none
  verdict           TEXT NOT NULL,
  points            INTEGER CHECK (points BETWEEN 0 AND 100),
  value             REAL,           -- the mean over repeats, in the unit of the metric
  identical_to      INTEGER REFERENCES results,  -- whose execution this is, where not its own
  record            TEXT NOT NULL,               -- JSON: the whole result
  metric            TEXT,                        -- what was measured; NULL where nothing was
  best              TEXT CHECK (best IN ('high', 'low')),
  CHECK ((points IS NULL) = (verdict = 'grader_error')),
  CHECK ((value IS NULL) = (verdict <> 'scored'))
) STRICT;

CREATE INDEX results_of_submission ON results (submission, id);
CREATE INDEX results_of_slot ON results (context, slot);

CREATE TABLE repeats (
  result            INTEGER NOT NULL REFERENCES results,
  number            INTEGER NOT NULL CHECK (number >= 0),
  value             REAL NOT NULL,
  PRIMARY KEY (result, number)
) STRICT;

-- What an instructor decided about the points of a student; the last row counts, NULL takes the others back.
CREATE TABLE adjustments (
  id       INTEGER PRIMARY KEY,
  task     TEXT NOT NULL REFERENCES tasks,
  student  TEXT NOT NULL REFERENCES students,
  recorded TEXT NOT NULL,
  points   INTEGER CHECK (points BETWEEN 0 AND 100),
  reason   TEXT NOT NULL CHECK (reason <> '')
) STRICT;

-- Which attempt of a student an instructor chose; the last row counts, NULL leaves it to the rule of the task.
CREATE TABLE choices (
  id       INTEGER PRIMARY KEY,
  task     TEXT NOT NULL REFERENCES tasks,
  student  TEXT NOT NULL REFERENCES students,
  recorded TEXT NOT NULL,
  attempt  INTEGER CHECK (attempt >= 1),
  reason   TEXT NOT NULL CHECK (reason <> '')
) STRICT;

CREATE TRIGGER results_stay BEFORE UPDATE ON results BEGIN SELECT RAISE(ABORT, 'results are append-only'); END;
CREATE TRIGGER results_last BEFORE DELETE ON results BEGIN SELECT RAISE(ABORT, 'results are append-only'); END;
CREATE TRIGGER repeats_stay BEFORE UPDATE ON repeats BEGIN SELECT RAISE(ABORT, 'results are append-only'); END;
CREATE TRIGGER repeats_last BEFORE DELETE ON repeats BEGIN SELECT RAISE(ABORT, 'results are append-only'); END;
CREATE TRIGGER adjustments_stay BEFORE UPDATE ON adjustments BEGIN SELECT RAISE(ABORT, 'adjustments are append-only'); END;
CREATE TRIGGER adjustments_last BEFORE DELETE ON adjustments BEGIN SELECT RAISE(ABORT, 'adjustments are append-only'); END;
CREATE TRIGGER choices_stay BEFORE UPDATE ON choices BEGIN SELECT RAISE(ABORT, 'choices are append-only'); END;
CREATE TRIGGER choices_last BEFORE DELETE ON choices BEGIN SELECT RAISE(ABORT, 'choices are append-only'); END;
