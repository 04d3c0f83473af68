# weft_component(NAME
#   DIR      its folder, from the top            engine/tensor
#   SOURCES  .cpp files                          shape.cpp …
#   PUBLIC   headers that are installed          shape.hpp …   (spelt <weft/NAME/shape.hpp>, in the tree as installed)
#   TOP      headers spelt <weft/task.hpp>       task.hpp …    (nodes only)
#   DEPENDS  components it may include           base
#   LIBS     third-party targets of its .cpp     fmt::fmt
#   TESTS    Catch2 files under tests/DIR        shape_test.cpp …
#   TEST_LIBS  what only its tests link
#   SPELT    the folder of its includes, where that is another component's: no link is made
#   ALONE    it is no part of libweft (cmake/install.cmake makes a library of its own)
# )
# One static library weft_NAME, one test program test_NAME. The link build/include/weft/NAME → DIR makes every
# include of ours read <weft/NAME/…>. tests/install/layers_test.py checks DEPENDS against docs/architecture.md.
include(GNUInstallDirs)
set_property(GLOBAL PROPERTY WEFT_COMPONENTS "")
set(WEFT_INCLUDE_DIR ${PROJECT_BINARY_DIR}/include)

function(weft_component name)
  cmake_parse_arguments(arg "ALONE" "DIR;SPELT" "SOURCES;PUBLIC;TOP;DEPENDS;LIBS;TESTS;TEST_LIBS" ${ARGN})
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "weft_component(${name}): what is ${arg_UNPARSED_ARGUMENTS}?")
  endif()
  set(source_dir ${PROJECT_SOURCE_DIR}/${arg_DIR})
  file(MAKE_DIRECTORY ${WEFT_INCLUDE_DIR}/weft)
  if(NOT arg_SPELT)
    set(arg_SPELT ${name})
    file(CREATE_LINK ${source_dir} ${WEFT_INCLUDE_DIR}/weft/${name} SYMBOLIC)
  endif()
  foreach(header IN LISTS arg_TOP)
    cmake_path(GET header FILENAME spelt)
    file(CREATE_LINK ${source_dir}/${header} ${WEFT_INCLUDE_DIR}/weft/${spelt} SYMBOLIC)
  endforeach()

  list(TRANSFORM arg_SOURCES PREPEND ${source_dir}/)
  weft_expect_sources(${arg_SOURCES})
  if(arg_SOURCES)
    add_library(weft_${name} STATIC ${arg_SOURCES})
    set(kind PUBLIC)
    target_link_libraries(weft_${name} PRIVATE weft_warnings Threads::Threads ${arg_LIBS})
  else()
    add_library(weft_${name} INTERFACE)
    set(kind INTERFACE)
  endif()
  target_include_directories(weft_${name} ${kind} ${WEFT_INCLUDE_DIR})
  list(TRANSFORM arg_DEPENDS PREPEND weft_ OUTPUT_VARIABLE dependencies)
  target_link_libraries(weft_${name} ${kind} ${dependencies})
  set_property(GLOBAL APPEND PROPERTY WEFT_COMPONENTS ${name})
  set_property(GLOBAL PROPERTY WEFT_PUBLIC_${name} "${arg_PUBLIC}")
  set_property(GLOBAL PROPERTY WEFT_TOP_${name} "${arg_TOP}")
  set_property(GLOBAL PROPERTY WEFT_LIBS_${name} "${arg_LIBS}")
  set_property(GLOBAL PROPERTY WEFT_DIR_${name} "${arg_DIR}")
  set_property(GLOBAL PROPERTY WEFT_SPELT_${name} "${arg_SPELT}")
  set_property(GLOBAL PROPERTY WEFT_ALONE_${name} "${arg_ALONE}")

  if(WEFT_TESTS AND arg_TESTS AND (NOT WEFT_TEST_COMPONENTS OR name IN_LIST WEFT_TEST_COMPONENTS))
    list(TRANSFORM arg_TESTS PREPEND ${PROJECT_SOURCE_DIR}/tests/${arg_DIR}/)
    weft_test(test_${name} SOURCES ${arg_TESTS} LIBS weft_${name} ${arg_TEST_LIBS})
  endif()
endfunction()
