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
