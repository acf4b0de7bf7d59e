-- The tables of a contest, version 3. Times are ISO 8601 in UTC with milliseconds.
-- Names, addresses, codes and texts stand only in `people`, `teams` and `texts`, where they can be erased.

CREATE TABLE facts (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT;

CREATE TABLE teams (
  id   TEXT PRIMARY KEY,  -- drawn at random
  name TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE TABLE people (
  id       TEXT PRIMARY KEY,  -- drawn at random
  team     TEXT NOT NULL REFERENCES teams,
  role     TEXT NOT NULL CHECK (role IN ('student', 'staff', 'admin', 'viewer')),
  place    TEXT NOT NULL DEFAULT '',  -- the group whose windows are this person's
  name     TEXT NOT NULL DEFAULT '',
  email    TEXT NOT NULL DEFAULT '',
  roster   TEXT NOT NULL DEFAULT '',  -- the id in the organisers' roster
  handle   TEXT UNIQUE,               -- the first part of the code
  code     TEXT,                      -- argon2id of the rest
  enrolled TEXT NOT NULL,
  erased   TEXT
) STRICT;
CREATE INDEX people_of_team ON people (team);

-- What lets a program hand in: the text itself is shown once.
CREATE TABLE tokens (
  digest  TEXT PRIMARY KEY,  -- SHA-256
  person  TEXT NOT NULL REFERENCES people,
  task    TEXT NOT NULL,     -- '' for all
  made    TEXT NOT NULL,
  revoked TEXT
) STRICT;

CREATE TABLE submissions (
  number   INTEGER PRIMARY KEY AUTOINCREMENT,
  team     TEXT NOT NULL REFERENCES teams,
  person   TEXT NOT NULL REFERENCES people,
  task     TEXT NOT NULL,
  file     TEXT NOT NULL,  -- name in the folder of files
  bytes    INTEGER NOT NULL,
  sha256   TEXT NOT NULL,
  received TEXT NOT NULL,  -- when the last byte arrived
  origin   TEXT NOT NULL,  -- page, api, notebook, rehearsal
  key      TEXT,           -- of the client, so that a repeated upload is the same submission
  receipt  TEXT NOT NULL DEFAULT '',  -- JSON, as it was signed
  state    TEXT NOT NULL CHECK (state IN ('received', 'queued', 'running', 'done', 'held', 'replaced', 'cancelled')),
  turn     INTEGER NOT NULL,  -- place among all: see grader/contest/queue.py
  since    INTEGER,           -- number of the first of those that this one replaced in the queue
  forced   INTEGER NOT NULL DEFAULT 0 CHECK (forced IN (0, 1)),
  failures INTEGER NOT NULL DEFAULT 0,  -- of ours, in a row
  UNIQUE (person, task, key)
) STRICT;
CREATE INDEX submissions_of_team ON submissions (team, task, number);
CREATE INDEX submissions_by_turn ON submissions (state, forced, turn, number);

-- Who grades a submission now, until when unless it says that it is alive.
CREATE TABLE leases (
  submission INTEGER PRIMARY KEY REFERENCES submissions,
  id         TEXT NOT NULL UNIQUE,
  worker     TEXT NOT NULL,
  began      REAL NOT NULL,  -- seconds of the clock that only moves forward
  ends       REAL NOT NULL,
  boot       TEXT NOT NULL
) STRICT;

CREATE TABLE workers (
  id         TEXT PRIMARY KEY,
  slots      INTEGER NOT NULL,
  alive      REAL NOT NULL,
  boot       TEXT NOT NULL,
  process    INTEGER NOT NULL,
  counted_by TEXT NOT NULL  -- whose number of a process this is
) STRICT;

-- What came of gradings; the last row of a submission counts.
CREATE TABLE verdicts (
  id         INTEGER PRIMARY KEY,
  submission INTEGER NOT NULL REFERENCES submissions,
  recorded   TEXT NOT NULL,
  verdict    TEXT NOT NULL,
  points     INTEGER,
  message    TEXT NOT NULL,  -- for the student
  traceback  TEXT NOT NULL,
  seconds    REAL NOT NULL   -- of grading
) STRICT;
CREATE INDEX verdicts_of_submission ON verdicts (submission, id);

-- What people wrote; an event holds only the salted hash, so that a text can be erased and the chain stays whole.
CREATE TABLE texts (
  digest TEXT PRIMARY KEY,  -- SHA-256 of salt and text
  author TEXT NOT NULL,     -- id of a person, '' for the organisers' program
  about  TEXT NOT NULL DEFAULT '',  -- id of the person or team that it speaks of
  salt   TEXT,
  text   TEXT
) STRICT;

CREATE TABLE announcements (
  id   INTEGER PRIMARY KEY,
  at   TEXT NOT NULL,
  task TEXT NOT NULL,  -- '' for all
  text TEXT NOT NULL REFERENCES texts
) STRICT;

CREATE TABLE questions (
  id       INTEGER PRIMARY KEY,
  at       TEXT NOT NULL,
  person   TEXT NOT NULL REFERENCES people,
  task     TEXT NOT NULL,
  text     TEXT NOT NULL REFERENCES texts,
  appeal   INTEGER REFERENCES submissions,  -- the submission whose verdict is appealed against
  answered TEXT,
  answer   TEXT REFERENCES texts,
  public   INTEGER NOT NULL DEFAULT 0 CHECK (public IN (0, 1))
) STRICT;

-- Where a learning platform keeps the points of whom (LTI 1.3, Assignment and Grade Services).
CREATE TABLE grade_lines (
  platform TEXT NOT NULL,  -- client and issuer, as in contest.toml
  line     TEXT NOT NULL,  -- address of the line item
  subject  TEXT NOT NULL,  -- what the platform calls the person
  person   TEXT NOT NULL REFERENCES people,
  task     TEXT NOT NULL,  -- '' for all
  sent     REAL,           -- points that the platform has
  failures INTEGER NOT NULL DEFAULT 0,  -- in a row
  again    TEXT NOT NULL DEFAULT '',    -- when to look at it again, '' for: when something changes
  problem  TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (line, subject)
) STRICT;
CREATE INDEX grade_lines_of_person ON grade_lines (person);

-- Whom a provider of identities means by a subject: bound at the first sign-in, so that claims may change afterwards.
CREATE TABLE identities (
  issuer  TEXT NOT NULL,  -- as in contest.toml
  subject TEXT NOT NULL,  -- what the issuer calls the person, and never anybody else
  client  TEXT NOT NULL,  -- what the issuer calls the contest: it may have another subject for each client
  person  TEXT NOT NULL REFERENCES people,
  bound   TEXT NOT NULL,
  PRIMARY KEY (issuer, subject),
  UNIQUE (issuer, client, person)
) STRICT;
CREATE INDEX identities_of_person ON identities (person);

-- Everything that happened, in a chain of hashes.
CREATE TABLE events (
  number     INTEGER PRIMARY KEY,
  at         TEXT NOT NULL,
  kind       TEXT NOT NULL,
  team       TEXT NOT NULL,
  task       TEXT NOT NULL,
  submission INTEGER,
  data       TEXT NOT NULL,  -- JSON
  previous   TEXT NOT NULL,
  hash       TEXT NOT NULL UNIQUE
) STRICT;
CREATE INDEX events_of_team ON events (team, task, number);

CREATE TRIGGER events_stay BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TRIGGER events_last BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TRIGGER verdicts_last BEFORE DELETE ON verdicts BEGIN SELECT RAISE(ABORT, 'verdicts are append-only'); END;
