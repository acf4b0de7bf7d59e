-- The gradebook, version 1. What is recorded here is never changed: a new result is a new row.
-- Times are ISO 8601 in UTC.

CREATE TABLE tasks (
  id          TEXT PRIMARY KEY,
  leaderboard TEXT NOT NULL CHECK (leaderboard IN ('best', 'latest'))  -- which attempt of a student counts
) STRICT;

CREATE TABLE students (
  id      TEXT PRIMARY KEY,
  name    TEXT NOT NULL DEFAULT '',
  email   TEXT NOT NULL DEFAULT '',
  section TEXT NOT NULL DEFAULT ''
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
  late       INTEGER NOT NULL DEFAULT 0 CHECK (late IN (0, 1)),
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
  balanced_accuracy REAL,
  identical_to      INTEGER REFERENCES results,  -- whose execution this is, where not its own
  record            TEXT NOT NULL,               -- JSON: the whole result
  CHECK ((points IS NULL) = (verdict = 'grader_error')),
  CHECK ((balanced_accuracy IS NULL) = (verdict <> 'scored'))
) STRICT;

CREATE INDEX results_of_submission ON results (submission, id);
CREATE INDEX results_of_slot ON results (context, slot);

CREATE TABLE repeats (
  result            INTEGER NOT NULL REFERENCES results,
  number            INTEGER NOT NULL CHECK (number >= 0),
  balanced_accuracy REAL NOT NULL,
  PRIMARY KEY (result, number)
) STRICT;

CREATE TRIGGER results_stay BEFORE UPDATE ON results BEGIN SELECT RAISE(ABORT, 'results are append-only'); END;
CREATE TRIGGER results_last BEFORE DELETE ON results BEGIN SELECT RAISE(ABORT, 'results are append-only'); END;
CREATE TRIGGER repeats_stay BEFORE UPDATE ON repeats BEGIN SELECT RAISE(ABORT, 'results are append-only'); END;
CREATE TRIGGER repeats_last BEFORE DELETE ON repeats BEGIN SELECT RAISE(ABORT, 'results are append-only'); END;

-- The result of each submission that counts: its latest, where a failure of ours never hides a verdict.
CREATE VIEW current_results AS
SELECT * FROM (
  SELECT results.*, ROW_NUMBER() OVER (
    PARTITION BY submission ORDER BY verdict = 'grader_error', id DESC
  ) AS place FROM results
) WHERE place = 1;

-- One row for each student and task: the attempt that counts. Ties go to the earlier one.
CREATE VIEW leaderboard AS
SELECT
  task, RANK() OVER (PARTITION BY task ORDER BY points IS NULL, points DESC, sent) AS rank,
  student, name, email, section, points, balanced_accuracy, verdict, attempt, attempts, sent, late, path, result
FROM (
  SELECT
    submissions.task, student, students.name, students.email, students.section, points, balanced_accuracy,
    verdict, attempt, COALESCE(submitted, first_seen) AS sent, late, path, current_results.id AS result,
    COUNT(*) OVER (PARTITION BY submissions.task, student) AS attempts,
    ROW_NUMBER() OVER (
      PARTITION BY submissions.task, student
      ORDER BY
        points IS NULL,
        CASE tasks.leaderboard WHEN 'best' THEN points END DESC,
        CASE tasks.leaderboard WHEN 'best' THEN COALESCE(submitted, first_seen) END,
        CASE tasks.leaderboard WHEN 'latest' THEN COALESCE(submitted, first_seen) END DESC,
        CASE tasks.leaderboard WHEN 'best' THEN attempt ELSE -attempt END
    ) AS place
  FROM current_results
  JOIN submissions ON submissions.id = current_results.submission
  JOIN students ON students.id = submissions.student
  JOIN tasks ON tasks.id = submissions.task
)
WHERE place = 1;
