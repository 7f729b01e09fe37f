# Tests of a server that is made for them, by tests/clients/r of the checkout.

stub <- function(name) {
  url <- Sys.getenv(name)
  skip_if(!nzchar(url), paste(name, "names no server"))
  dg_connect(url, retry_for = 20)
}

test_that("an overloaded server is asked again after the time that it says", {
  connection <- stub("DAGUERRE_OVERLOADED")
  on.exit(default$connection <- NULL)
  expect_identical(nrow(dg_models(connection)), 0L)
})

test_that("an overloaded server is given up after retry_for", {
  connection <- stub("DAGUERRE_ALWAYS_OVERLOADED")
  on.exit(default$connection <- NULL)
  connection$retry_for <- 0.5
  expect_error(dg_models(connection), class = "daguerre_error_overloaded")
})

test_that("nobody listens", {
  connection <- dg_connect("http://127.0.0.1:9", retry_for = 0)
  on.exit(default$connection <- NULL)
  expect_error(dg_models(connection), "nobody listens", class = "daguerre_error_connect")
})

test_that("golden requests and answers are those of the Python client", {
  connection <- stub("DAGUERRE_GOLDEN")
  on.exit(default$connection <- NULL)
  cases <- parse_json(paste(readLines(Sys.getenv("DAGUERRE_GOLDEN_FILE"), encoding = "UTF-8"), collapse = "\n"))
  for (case in cases) {
    given <- case$arguments
    frame <- function(x) as.data.frame(lapply(x, function(column) column_of(column)))
    got <- quietly(switch(case$name,
      agreement = {
        A <- dg_agreement(frame(given$codes), level = given$level)
        as.list(stats::setNames(A$value, A$coefficient))
      },
      validate = {
        V <- dg_validate(unlist(given$predictions), frame(given$codes), seed = given$seed)
        as.list(stats::setNames(V$value, V$figure))
      },
      estimate = as.list(dg_estimate(frame(given$corpus), given$predictions, by = given$by, positive = given$positive)[1, ]),
      sample = as.list(dg_sample(data.frame(id = unlist(given$ids)), given$size, seed = given$seed)),
      zero_shot = {
        Z <- dg_zero_shot(texts = unlist(given$texts), labels = unlist(given$labels))
        list(labels = Z$label, scores = Z$scores)
      },
      label = dg_label(texts = unlist(given$texts), codebook = given$codebook),
      caption = dg_caption(lapply(given$images, jsonlite::base64_dec), given$prompt, given$max_tokens),
      study_codes = dg_study_codes(given$name, given$variable),
      search_collection = dg_search_collection(given$name, unlist(given$texts), k = given$k, where = given$where)
    ))
    if (case$name == "sample") got$ids <- got$id
    for (name in names(case$result)) {
      expect_equal(unname(unlist(got[[name]])), unlist(case$result[[name]]), tolerance = 1e-6, info = paste(case$name, name))
    }
  }
})
