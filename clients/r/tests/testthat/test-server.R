test_that("broken files are rows with an error", {
  X <- quietly(dg_embed(c(examples("photos/cat.jpg"), examples("words.txt"), "none.jpg")))
  expect_identical(X$error_code, c(NA, "unsupported_image", "unreadable_file"))
  expect_false(anyNA(X$vector[[1]]))
  expect_true(all(is.na(X$vector[[2]])))
  expect_equal(sum(X$vector[[1]]^2), 1, tolerance = 1e-6)
})

test_that("many items are cut into requests and keep their order", {
  skip_without_server()
  texts <- paste("text number", 1:75)
  X <- quietly(dg_embed(texts = texts))
  alone <- quietly(dg_embed(texts = texts[70]))
  expect_equal(X$vector[[70]], alone$vector[[1]], tolerance = 1e-5)
})

test_that("zero-shot labels of items and of their vectors are the same", {
  X <- quietly(dg_embed(examples("photos")))
  labels <- c("a cat", "a cup of coffee", "a rocket")
  Z <- quietly(dg_zero_shot(examples("photos"), labels))
  expect_identical(Z$label, labels)
  expect_equal(quietly(dg_zero_shot(embeddings = X, labels = labels))$scores, Z$scores, tolerance = 1e-6)
  expect_identical(dim(as.matrix(X)), c(3L, length(X$vector[[1]])))
  one <- quietly(dg_zero_shot(texts = "a kitten", labels = "a cat", multi_label = TRUE))
  expect_length(one$scores[[1]], 1)
})

test_that("a corpus is resumed, and continued with new files", {
  folder <- tempfile()
  dir.create(folder)
  files <- file.path(examples("coded"), sprintf("%03d.jpg", 0:4))
  file.copy(files[1:3], folder)
  out <- tempfile(fileext = ".parquet")
  expect_identical(quietly(dg_embed_corpus(folder, out))$embedded, 3L)
  file.copy(files[4:5], folder)
  again <- quietly(dg_embed_corpus(folder, out))
  expect_identical(c(again$embedded, again$reused), c(2L, 3L))
  expect_identical(as.matrix(dg_read_vectors(out)), as.matrix(quietly(dg_embed(folder))))
  expect_false(dir.exists(paste0(out, ".r-parts")))
})

test_that("answers before an interruption are not asked for again", {
  out <- tempfile(fileext = ".parquet")
  parts <- paste0(out, ".r-parts")
  given <- images_of(examples("coded"))
  dir.create(parts)
  calls <- 0
  save <- function(chunk, sent) {
    calls <<- calls + 1
    if (calls == 2) stop("killed")
    save_part(list(rows = corpus_rows(given, chunk, sent), vectors = sent$values[chunk], receipt = sent$answer$receipt), parts, calls)
  }
  expect_error(embed_items(current(), given, NULL, NULL, FALSE, each = save), "killed")
  summary <- quietly(dg_embed_corpus(examples("coded"), out))
  expect_gt(summary$reused, 0L)
  expect_identical(summary$embedded + summary$reused, 36L)
})

test_that("a study goes from pictures to an estimate", {
  X <- quietly(dg_embed(examples("coded")))
  codes <- utils::read.csv(examples("labels.csv"))
  probe <- quietly(dg_train("r-test", embeddings = X, targets = codes, folds = 3))
  expect_gt(tibble::as_tibble(probe)$value[1], 0.9)
  P <- quietly(dg_predict(probe, embeddings = X))
  expect_setequal(P$label, c("cat", "other"))
  expect_gt(mean(P$label == codes$target), 0.9)
  drawn <- quietly(dg_sample(P, 12, seed = 1))
  expect_identical(nrow(drawn), 12L)
  expect_equal(unique(drawn$inclusion_prob), 1 / 3)
  drawn$code <- codes$target[match(drawn$id, basename(codes$path))]
  V <- quietly(dg_validate(P, drawn[c("id", "code", "inclusion_prob")]))
  expect_true(all(c("accuracy", "recall[cat]") %in% V$figure))
  P$party <- rep(c("a", "b"), 18)
  E <- quietly(dg_estimate(P, "label", drawn[c("id", "code", "inclusion_prob")], by = "party", positive = "cat"))
  expect_identical(nrow(E), 3L)
  expect_identical(nrow(dg_differences(E)), 1L)
  expect_true(length(dg_remarks(E)) > 0)
  for (x in list(probe, E, V)) expect_gt(file.size(dg_report(x, tempfile(fileext = ".html"))), 5000)
})

test_that("clusters, duplicates and search join by id", {
  X <- quietly(dg_embed(examples("coded")))
  C <- quietly(dg_cluster(embeddings = X, method = "kmeans", k = 3, vocabulary = c("a cat", "a cup", "a rocket"), seed = 1))
  expect_identical(C$id, X$id)
  expect_identical(nrow(summary(C)), 3L)
  expect_identical(sum(summary(C)$size), 36)
  D <- quietly(dg_duplicates(texts = c(a = "a cat", b = "a cat", c = "a car"), kind = "semantic", threshold = 0.99))
  expect_identical(D$group, c(0L, 0L, NA))
  near <- quietly(dg_duplicates(rep(examples("photos/cat.jpg"), 2), kind = "exact"))
  expect_identical(sum(near$kept), 1L)
  Q <- quietly(dg_search(X, images = examples("coded/000.jpg"), k = 2))
  expect_identical(Q$id[1], "000.jpg")
  other <- X
  attr(other, "receipt")$fingerprint <- "another"
  expect_error(dg_search(other, queries = X), class = "daguerre_error_fingerprint_mismatch")
})

test_that("what is in pictures is a table of findings, with a row for a broken file", {
  G <- quietly(dg_detect(c(examples("photos/cat.jpg"), examples("words.txt")), c("objects", "visual")))
  expect_true("cat" %in% G$label)
  expect_identical(G$error_code[G$id == "words.txt"], "unsupported_image")
  expect_true(all(c("objects", "brightness") %in% names(dg_values(G))))
})

test_that("frames of a video are rows", {
  video <- dg_video(examples("news/news.mp4"), every = 2, find_shots = TRUE)
  Z <- quietly(dg_zero_shot(video, labels = c("a cat", "a rocket")))
  expect_identical(Z$timestamp, c(0, 2, 4))
  expect_true(dg_pooled(Z)$label %in% c("a cat", "a rocket"))
  expect_identical(nrow(as.matrix(quietly(dg_embed(video)))), 3L)
  expect_error(dg_video("none.mp4"), class = "daguerre_error_input")
})

test_that("large vectors go as a file that is deleted afterwards", {
  skip_without_server()
  X <- quietly(dg_embed(texts = paste("text", 1:40)))
  before <- length(ask(current(), "GET", "/v1/files")$data)
  kept <- LARGE
  unlocked <- function(value) {
    space <- asNamespace("daguerre")
    unlockBinding("LARGE", space)
    assign("LARGE", value, space)
  }
  on.exit(unlocked(kept))
  unlocked(1000)
  C <- quietly(dg_cluster(embeddings = X, method = "kmeans", k = 2, seed = 1))
  unlocked(kept)
  expect_identical(quietly(dg_cluster(embeddings = X, method = "kmeans", k = 2, seed = 1))$cluster, C$cluster)
  expect_identical(length(ask(current(), "GET", "/v1/files")$data), before)
})

test_that("errors of the server have classes, codes and the id of the request", {
  skip_without_server()
  error <- tryCatch(dg_zero_shot(texts = "a cat", labels = "a cat"), error = identity)
  expect_s3_class(error, "daguerre_error_invalid")
  expect_identical(error$param, "labels")
  expect_match(conditionMessage(error), "request [0-9a-f]+")
  expect_error(dg_classifier("none"), class = "daguerre_error_not_found")
  expect_error(dg_embed(texts = "a", model = "none"), class = "daguerre_error_api")
})

test_that("jobs are listed, and agreement has its coefficients", {
  skip_without_server()
  expect_true(all(c("id", "state", "progress") %in% names(dg_jobs(5))))
  wide <- data.frame(item = 1:4, anna = c("x", "y", "x", "y"), ben = c("x", "y", "y", "y"))
  long <- data.frame(item = rep(1:4, 2), coder = rep(c("anna", "ben"), each = 4), code = c(wide$anna, wide$ben))
  expect_identical(quietly(dg_agreement(wide))$value, quietly(dg_agreement(long))$value)
  expect_equal(quietly(dg_agreement(wide))$value[1], 0.75)
})
