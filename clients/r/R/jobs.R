#' Jobs of the server
#'
#' Training, clusters, duplicates and videos are jobs, which the other
#' functions wait for. A job goes on if R is interrupted.
#'
#' @param limit Greatest number of jobs.
#' @inheritParams dg_models
#' @return `dg_jobs()`: a tibble with a row for each job, the newest first: `id`, `kind`, `state`, `progress`, `stage`,
#'   `error` and times. `dg_cancel()` and `dg_wait()`: such a row.
#' @export
#' @examplesIf nzchar(Sys.getenv("DAGUERRE_URL"))
#' dg_jobs()
dg_jobs <- function(limit = 100, connection = NULL) {
  jobs_table(ask(current(connection), "GET", "/v1/jobs", query = list(limit = limit))$data)
}

JOB <- c("id", "kind", "name", "state", "progress", "stage", "eta_seconds", "n", "created", "started", "ended", "error")

#' @noRd
jobs_table <- function(jobs) {
  jobs <- lapply(jobs, function(job) {
    job$error <- job$error$message
    job
  })
  if (length(jobs)) return(records(jobs, JOB))
  tibble::new_tibble(stats::setNames(rep(list(character()), length(JOB)), JOB), nrow = 0L)
}

#' @param id Id of a job.
#' @rdname dg_jobs
#' @export
dg_cancel <- function(id, connection = NULL) {
  jobs_table(list(ask(current(connection), "POST", sprintf("/v1/jobs/%s/cancel", part(id)))))
}

#' @inheritParams dg_embed
#' @rdname dg_jobs
#' @export
dg_wait <- function(id, progress = NULL, connection = NULL) {
  jobs_table(list(wait_for(current(connection), list(id = id, state = "queued", progress = 0), progress)))
}

#' Wait until a job has succeeded. Signals daguerre_error_job_failed.
#' @noRd
wait_for <- function(connection, job, progress = NULL, what = "Job") {
  bar <- bar_of(progress, 100, what)
  on.exit(done(bar))
  pause <- 0.1
  while (job$state %in% c("queued", "running")) {
    Sys.sleep(pause)
    pause <- min(1.3 * pause, 2)
    job <- ask(connection, "GET", paste0("/v1/jobs/", part(job$id)))
    if (!is.null(bar)) cli::cli_progress_update(set = floor(100 * job$progress), id = bar)
  }
  if (job$state != "succeeded") {
    text <- job$error$message %||% sprintf("job %s was %s", job$id, job$state)
    rlang::cnd_signal(failure("job_failed", text, code = job$error$code %||% job$state, job = job))
  }
  job
}

#' Submit a request as a job, and wait for it.
#' @noRd
run_job <- function(connection, path, fields, progress, what, form = NULL) {
  wait_for(connection, ask(connection, "POST", path, c(fields, mode = "job"), form = form), progress, what)
}
