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
