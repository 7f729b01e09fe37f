library(testthat)
library(daguerre)

test_check("daguerre")
