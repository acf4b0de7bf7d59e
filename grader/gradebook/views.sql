-- The views of the gradebook, made anew whenever its tables are brought up to date.

DROP VIEW IF EXISTS leaderboard;
DROP VIEW IF EXISTS current_results;

-- The result of each submission that counts: its latest, where a failure of ours never hides a verdict.
CREATE VIEW current_results AS
SELECT * FROM (
  SELECT results.*, ROW_NUMBER() OVER (
    PARTITION BY submission ORDER BY verdict = 'grader_error', id DESC
  ) AS place FROM results
) WHERE place = 1;

-- One row for each student and task: the attempt that counts, which is the one that was `chosen`, for a reason in `choice`.
-- Equal points are ordered by the value of the metric, which has no ceiling, and then the earlier one stands first.
-- `points` are those that count: `graded` less the `penalty` for lateness, or as `adjusted` for a `reason`.
CREATE VIEW leaderboard AS
SELECT
  task, RANK() OVER (PARTITION BY task ORDER BY points IS NULL, points DESC, merit DESC, sent) AS rank,
  student, name, email, section, points, metric, value, verdict, attempt, attempts, sent, late, path, result,
  graded, days_late, penalty, adjusted, reason, chosen, choice
FROM (
  SELECT
    attempts.*, IIF(last.points IS NULL, after_penalty, last.points) AS points, last.points AS adjusted,
    IIF(last.points IS NULL, '', last.reason) AS reason
  FROM (
    SELECT
      submissions.task, submissions.student, students.name, students.email, students.section, points AS graded, metric, value,
      CASE best WHEN 'low' THEN -value ELSE value END AS merit,
      verdict, submissions.attempt, COALESCE(submitted, first_seen) AS sent, path, current_results.id AS result, days_late, penalty,
      submissions.late OR (days_late > 0 AND tasks.late <> 'count') AS late, MAX(0, points - penalty) AS after_penalty,
      COUNT(*) OVER (PARTITION BY submissions.task, submissions.student) AS attempts,
      picked.attempt AS chosen, IIF(picked.attempt IS NULL, '', picked.reason) AS choice,
      ROW_NUMBER() OVER (
        PARTITION BY submissions.task, submissions.student
        ORDER BY
          picked.attempt IS NULL OR picked.attempt <> submissions.attempt,
          points IS NULL,
          CASE tasks.leaderboard WHEN 'best' THEN MAX(0, points - penalty) END DESC,
          CASE tasks.leaderboard WHEN 'best' THEN penalty END,
          CASE tasks.leaderboard WHEN 'best' THEN CASE best WHEN 'low' THEN -value ELSE value END END DESC,
          CASE tasks.leaderboard WHEN 'best' THEN COALESCE(submitted, first_seen) END,
          CASE tasks.leaderboard WHEN 'latest' THEN COALESCE(submitted, first_seen) END DESC,
          CASE tasks.leaderboard WHEN 'best' THEN submissions.attempt ELSE -submissions.attempt END
      ) AS place
    FROM current_results
    JOIN submissions ON submissions.id = current_results.submission
    JOIN students ON students.id = submissions.student
    JOIN tasks ON tasks.id = submissions.task
    LEFT JOIN (
      SELECT task, student, attempt, reason, ROW_NUMBER() OVER (PARTITION BY task, student ORDER BY id DESC) AS place
      FROM choices
    ) AS picked ON picked.task = submissions.task AND picked.student = submissions.student AND picked.place = 1
  ) AS attempts
  LEFT JOIN (
    SELECT task, student, points, reason, ROW_NUMBER() OVER (PARTITION BY task, student ORDER BY id DESC) AS place
    FROM adjustments
  ) AS last ON last.task = attempts.task AND last.student = attempts.student AND last.place = 1
  WHERE attempts.place = 1
);
