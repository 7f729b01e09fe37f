folder <- function() {
  root <- tempfile()
  for (d in c("b", "a/c", ".hidden", "@eaDir")) dir.create(file.path(root, d), recursive = TRUE)
  for (f in c("b/2.jpg", "a/c/1.png", "a.jpg", "b.jpg", ".hidden/x.jpg", "@eaDir/y.jpg")) writeLines("x", file.path(root, f))
  writeLines("notes", file.path(root, "notes.txt"))
  writeBin(as.raw(c(0xff, 0xd8, 0xff, 0xe0)), file.path(root, "camera"))
  root
}

test_that("images of a folder are in the order of the Python client, without hidden files", {
  found <- images_of(folder())
  expect_identical(found$ids, c("a/c/1.png", "a.jpg", "b/2.jpg", "b.jpg", "camera"))
  expect_match(found$remarks, "1 files were left out that are no images")
})

test_that("ids are relative to what was given", {
  root <- folder()
  expect_identical(images_of(file.path(root, "b", "2.jpg"))$ids, "2.jpg")
  expect_identical(images_of(file.path(root, c("a", "b")))$ids, c("a/c/1.png", "b/2.jpg"))
  expect_identical(images_of(file.path(root, "*.jpg"))$ids, c("a.jpg", "b.jpg"))
  expect_identical(images_of(c(x = file.path(root, "a.jpg")))$ids, "x")
  expect_identical(images_of(file.path(root, c("a.jpg", "none/b.jpg")))$ids, c("a.jpg", "none/b.jpg"))
  expect_identical(images_of(list(as.raw(1), as.raw(2)))$ids, c("0", "1"))
})

test_that("the end of a path names an item, unless it is that of two", {
  expect_identical(places_of(c("coded/1.jpg", "2.jpg", "none"), c("1.jpg", "x/2.jpg")), c(1L, 2L, NA))
  expect_error(places_of("1.jpg", c("a/1.jpg", "b/1.jpg")), "names 2 items", class = "daguerre_error_input")
})

test_that("input that cannot be meant is refused", {
  expect_error(images_of(tibble::tibble(id = "a")), "embeddings =", class = "daguerre_error_input")
  expect_error(items_of(NULL, NULL), "give images or texts", class = "daguerre_error_input")
  expect_error(images_of("https://example.org/a.jpg"), "not fetched", class = "daguerre_error_input")
  expect_error(images_of("none/"), "no file or folder", class = "daguerre_error_input")
  expect_error(images_of(c(a = "a.jpg", "b.jpg")), "1 of 2 have no name", class = "daguerre_error_input")
  expect_error(texts_given(stats::setNames(c("a", "b"), c("x", NA))), "1 of 2 have no name", class = "daguerre_error_input")
  expect_error(dg_connect("gpu-server"), "an address is as", class = "daguerre_error_input")
  expect_error(options_of(1), "have names", class = "daguerre_error_input")
})

test_that("a key is sent, and never printed", {
  on.exit(default$connection <- NULL)
  connection <- dg_connect("http://x:1", api_key = "open-sesame")
  expect_false(any(grepl("sesame", c(format(connection), capture.output(print(connection))))))
})

test_that("labels with scores are taken as predictions without a warning", {
  scored <- tibble::tibble(id = "a", label = "x", scores = list(c(x = 0.9, y = 0.1)))
  set <- expect_no_warning(prediction_set(scored, "p", NULL))
  expect_identical(length(set$scores), 2L)
})

test_that("texts and vectors of one value are single values, and NA is null", {
  expect_identical(to_json(listed(c(a = "x"))), "[\"x\"]")
  expect_identical(to_json(list(a = "x", b = c(1, NA), c = list("x"), d = factor("f"))), "{\"a\":\"x\",\"b\":[1,null],\"c\":[\"x\"],\"d\":\"f\"}")
})

test_that("a codebook is read from a file or a list, yes and no as names", {
  path <- tempfile(fileext = ".yaml")
  writeLines(c("variables:", "  - name: people", "    kind: binary", "    categories:", "      - name: yes", "      - name: no", "    required: true"), path)
  book <- codebook_of(path)
  expect_identical(field(book$variables[[1]]$categories, "name"), list("yes", "no"))
  expect_true(book$variables[[1]]$required)
  short <- codebook_of(list(variables = list(list(name = "people", kind = "binary", categories = c("yes", "no")))))
  expect_identical(short$variables[[1]]$categories, list(list(name = "yes"), list(name = "no")))
  expect_error(codebook_of("none.yaml"), "no file", class = "daguerre_error_input")
  expect_error(codebook_of(list(a = 1)), "variables", class = "daguerre_error_input")
})

test_that("progress is shown as the caller or the option says", {
  before <- options(daguerre.progress = FALSE)
  on.exit(options(before))
  expect_false(is_shown(NULL, TRUE))
  expect_true(is_shown(TRUE))
})

test_that("Retry-After may be seconds or a date", {
  expect_identical(seconds_of("3"), 3)
  expect_lt(seconds_of("Wed, 21 Oct 2015 07:28:00 GMT"), 1)
  expect_null(seconds_of("soon"))
})
