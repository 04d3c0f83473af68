# What scripts/run-tests runs. It is written to build/tests.list when everything has been declared, a program a line:
# kind, name, seconds it may take, command and arguments, separated by tabs.
set_property(GLOBAL PROPERTY WEFT_TEST_PROGRAMS "")
set(WEFT_TEST_SECONDS 600)

# A source that is declared and missing fails the build of its own target, not the configuration of all.
function(weft_expect_sources)
  foreach(source IN LISTS ARGN)
    cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} OUTPUT_VARIABLE file)
    if(NOT EXISTS ${file})
      set_source_files_properties(${source} PROPERTIES GENERATED TRUE)
    endif()
  endforeach()
endfunction()

# weft_test(NAME SOURCES … LIBS … [ARGS …] [SECONDS n]): a Catch2 program.
function(weft_test name)
  cmake_parse_arguments(arg "" "SECONDS" "SOURCES;LIBS;ARGS" ${ARGN})
  weft_expect_sources(${arg_SOURCES})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LIBS} weft_warnings Catch2::Catch2WithMain Threads::Threads)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  weft_list_test(catch2 ${name} "${arg_SECONDS}" $<TARGET_FILE:${name}> ${arg_ARGS})
endfunction()

# weft_script_test(NAME SCRIPT file.py [ARGS …] [SECONDS n]): a Python script that prints `ok name`, `not ok name` or
# `skip name # reason`, a line for each of its tests. Arguments may be generator expressions.
function(weft_script_test name)
  cmake_parse_arguments(arg "" "SCRIPT;SECONDS" "ARGS" ${ARGN})
  cmake_path(ABSOLUTE_PATH arg_SCRIPT BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
  if(Python_EXECUTABLE)
    set(python ${Python_EXECUTABLE})  # has what the tests look at files with
  else()
    set(python python3)
  endif()
  weft_list_test(script ${name} "${arg_SECONDS}" ${python} ${arg_SCRIPT} ${arg_ARGS})
endfunction()

# weft_pytest(NAME FOLDER folder [ENV NAME=VALUE …] [ARGS …] [SECONDS n]): the tests of a folder, by pytest, with the Python
# that the extension was built for.
function(weft_pytest name)
  cmake_parse_arguments(arg "" "FOLDER;SECONDS" "ENV;ARGS" ${ARGN})
  cmake_path(ABSOLUTE_PATH arg_FOLDER BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
  weft_list_test(pytest ${name} "${arg_SECONDS}" ${CMAKE_COMMAND} -E env PYTHONPATH=${PROJECT_BINARY_DIR}/python ${arg_ENV}
    ${Python_EXECUTABLE} -m pytest -q -rs ${arg_FOLDER} ${arg_ARGS})
endfunction()

function(weft_list_test kind name seconds)
  if(NOT seconds)
    set(seconds ${WEFT_TEST_SECONDS})
  endif()
  string(REPLACE ";" "\t" line "${kind};${name};${seconds};${ARGN}")
  set_property(GLOBAL APPEND_STRING PROPERTY WEFT_TEST_PROGRAMS "${line}\n")
endfunction()

function(weft_write_test_list)
  get_property(lines GLOBAL PROPERTY WEFT_TEST_PROGRAMS)
  file(GENERATE OUTPUT ${PROJECT_BINARY_DIR}/tests.list CONTENT "${lines}")
endfunction()
