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

-- One row for each student and task: the attempt that counts. Ties go to the earlier one.
-- `points` are those that count: `graded` less the `penalty` for lateness, or as `adjusted` for a `reason`.
CREATE VIEW leaderboard AS
SELECT
  task, RANK() OVER (PARTITION BY task ORDER BY points IS NULL, points DESC, sent) AS rank,
  student, name, email, section, points, balanced_accuracy, verdict, attempt, attempts, sent, late, path, result,
  graded, days_late, penalty, adjusted, reason
FROM (
  SELECT
    attempts.*, IIF(last.points IS NULL, after_penalty, last.points) AS points, last.points AS adjusted,
    IIF(last.points IS NULL, '', last.reason) AS reason
  FROM (
    SELECT
      submissions.task, student, students.name, students.email, students.section, points AS graded, balanced_accuracy,
      verdict, attempt, COALESCE(submitted, first_seen) AS sent, path, current_results.id AS result, days_late, penalty,
      submissions.late OR (days_late > 0 AND tasks.late <> 'count') AS late, MAX(0, points - penalty) AS after_penalty,
      COUNT(*) OVER (PARTITION BY submissions.task, student) AS attempts,
      ROW_NUMBER() OVER (
        PARTITION BY submissions.task, student
        ORDER BY
          points IS NULL,
          CASE tasks.leaderboard WHEN 'best' THEN MAX(0, points - penalty) END DESC,
          CASE tasks.leaderboard WHEN 'best' THEN COALESCE(submitted, first_seen) END,
          CASE tasks.leaderboard WHEN 'latest' THEN COALESCE(submitted, first_seen) END DESC,
          CASE tasks.leaderboard WHEN 'best' THEN attempt ELSE -attempt END
      ) AS place
    FROM current_results
    JOIN submissions ON submissions.id = current_results.submission
    JOIN students ON students.id = submissions.student
    JOIN tasks ON tasks.id = submissions.task
  ) AS attempts
  LEFT JOIN (
    SELECT task, student, points, reason, ROW_NUMBER() OVER (PARTITION BY task, student ORDER BY id DESC) AS place
    FROM adjustments
  ) AS last ON last.task = attempts.task AND last.student = attempts.student AND last.place = 1
  WHERE attempts.place = 1
);
