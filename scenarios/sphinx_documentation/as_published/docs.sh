#!/bin/bash
sphinx-build docs/source/ docs/build/html/
open docs/build/html/index.html
