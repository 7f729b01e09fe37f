#' Label items by a codebook
#'
#' A vision-language model that the server's owner has set up ([dg_labellers()]) answers the questions of a codebook about each item.
#' An answer that does not fit the codebook is asked for again, and is an error of its item in the end: no label
#' is a guess. Compare labels with codes of people before you use them: `dg_validate(L, codes, column = "people")`.
#'
#' @inheritParams dg_embed
#' @param codebook Path of a `.json` or `.yaml` file, as for coders, or the same as a list: `list(variables = list(list(
#'   name = "people", kind = "binary", question = "Are people visible?")))`. Categories may be a character vector.
#' @param labeller Name of a labeller. `NULL`: the server's.
#' @param ... Further options of `POST /v1/labels`, such as `template`, `category_order = "permuted"`, `seed`, `max_tokens`.
#' @return `dg_label()`: a tibble with a row for each item: `id`, a column for each variable (a list column where several
#'   categories may be chosen; NA where the labeller cannot tell), `cannot_tell` (these variables), and errors as in
#'   [dg_embed()]. [dg_answer()] has probabilities, raw answers, the prompt and the cost.
#'   `dg_labellers()`: a tibble with a row for each labeller: its model, and where items are sent.
#' @export
#' @examplesIf nzchar(Sys.getenv("DAGUERRE_URL"))
#' dg_labellers()[c("name", "kind", "model")]
dg_label <- function(images = NULL, codebook, texts = NULL, labeller = NULL, ..., progress = NULL, connection = NULL) {
  connection <- current(connection)
  given <- items_of(images, texts)
  run <- cli::hash_md5(paste(tempfile(), Sys.getpid(), Sys.info()[["nodename"]], format(Sys.time(), "%OS6")))
  fields <- compact(list(codebook = codebook_of(codebook), labeller = labeller, run = run))
  on.exit(try(ask(connection, "DELETE", paste0("/v1/labels/runs/", run)), silent = TRUE))
  sent <- send_items(
    connection, given, "/v1/labels", c(fields, options_of(...)), function(entry, answer) entry, "request", progress, "Labelling"
  )
  variables <- sent$answer$codebook$variables
  columns <- lapply(stats::setNames(variables, texts_of(field(variables, "name"))), function(variable) {
    values <- lapply(sent$values, function(entry) entry$labels[[variable$name]]$value)
    if (isTRUE(variable$multiple)) lapply(values, function(value) if (!is.null(value)) texts_of(value)) else column_of(values)
  })
  unsure <- vapply(sent$values, function(entry) {
    told <- vapply(entry$labels, function(label) isTRUE(label$cannot_tell), NA)
    if (any(told)) paste(names(told)[told], collapse = "; ") else NA_character_
  }, "")
  result(
    item_table(given, sent, c(columns, list(cannot_tell = unsure))), "dg_labels", whole_answer(sent),
    remarks = c(given$remarks, sent$remarks, failed_remark(sent$code)), kind = "labels"
  )
}

#' @rdname dg_label
#' @export
dg_labellers <- function(connection = NULL) {
  labellers <- ask(current(connection), "GET", "/v1/labellers")$data
  records(labellers, c("name", "kind", "default", "host", "model", "sent", "kept", "input_price", "output_price", "currency"))
}

#' A codebook of a file or a list, whose categories have names.
#' @noRd
codebook_of <- function(codebook) {
  if (is.character(codebook) && length(codebook) == 1) {
    if (!file.exists(codebook)) stop_input("codebook: there is no file ", sQuote(codebook, FALSE))
    yaml <- grepl("\\.ya?ml$", codebook, ignore.case = TRUE)
    if (yaml && !requireNamespace("yaml", quietly = TRUE)) stop_input("codebook: a .yaml file needs the package yaml; or save it as .json")
    truth <- function(x) if (tolower(x) %in% c("true", "false")) tolower(x) == "true" else x # yes and no are names of categories
    codebook <- tryCatch(
      if (yaml) yaml::read_yaml(codebook, handlers = list("bool#yes" = truth, "bool#no" = truth)) else parse_json(text_of(bytes_of(codebook))),
      error = function(e) stop_input("codebook: the file cannot be read: ", conditionMessage(e))
    )
  }
  if (!is.list(codebook) || !length(codebook$variables)) stop_input("codebook: give the path of a .json or .yaml file, or a list with variables")
  codebook$variables <- lapply(unname(codebook$variables), function(variable) {
    if (is.list(variable) && is.character(variable$categories)) variable$categories <- lapply(variable$categories, function(name) list(name = name))
    variable
  })
  codebook
}
