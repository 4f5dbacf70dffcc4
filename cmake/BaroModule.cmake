# The one place that knows the layers of the house:
#
#   base < model < net, tsdb < query, events < scraper, insight < alerting, remote, exporters < config < server, cli
#
# A module may use modules of lower layers only; neighbours do not see each other. Linking is refused here, at configure
# time; includes are refused by tools/lint/layers.py.

set(BARO_LAYER_base 0)
set(BARO_LAYER_model 1)
set(BARO_LAYER_net 2)
set(BARO_LAYER_tsdb 2)
set(BARO_LAYER_query 3)
set(BARO_LAYER_events 3)
set(BARO_LAYER_scraper 4)
set(BARO_LAYER_insight 4)
set(BARO_LAYER_alerting 5)
set(BARO_LAYER_remote 5)
set(BARO_LAYER_exporters 5)
set(BARO_LAYER_config 6)
set(BARO_LAYER_server 7)
set(BARO_LAYER_cli 7)

# baro_module(<name> USES <modules...> LIBS <targets or libraries...> [EXCLUDE <files...>] [SHARDS <n>])
#
# SHARDS: the unit tests take minutes under sanitizers, so that ctest runs them as that many tests, side by side.
# Finds <name>/**.{h,cpp}. *_test.cpp files go to <name>_tests, so no test can be forgotten; *_main.cpp files are left
# to the caller, who makes programs of them.
function(baro_module name)
  cmake_parse_arguments(arg "" "SHARDS" "USES;LIBS;TEST_LIBS;EXCLUDE" ${ARGN})
  foreach(used IN LISTS arg_USES)
    if(NOT BARO_LAYER_${used} LESS BARO_LAYER_${name})
      message(FATAL_ERROR "layers: '${name}' may not use '${used}': it does not lie below it (see cmake/BaroModule.cmake)")
    endif()
  endforeach()

  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "*.cpp")
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS "*.h")
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "(_test|_main)\\.cpp$")
  foreach(file IN LISTS arg_EXCLUDE)
    list(FILTER sources EXCLUDE REGEX "/${file}$")
  endforeach()

  if(NOT sources)
    message(FATAL_ERROR "module '${name}' has no source files")
  endif()
  add_library(${name} STATIC ${sources})
  target_sources(${name} PUBLIC FILE_SET HEADERS BASE_DIRS "${PROJECT_SOURCE_DIR}" FILES ${headers})
  target_link_libraries(${name} PUBLIC baro_flags ${arg_USES} ${arg_LIBS})
  target_precompile_headers(${name} REUSE_FROM baro_pch)
  set_target_properties(${name} PROPERTIES LINKER_LANGUAGE CXX OUTPUT_NAME baro_${name})

  if(BARO_TESTS AND tests)
    find_package(GTest REQUIRED)
    add_executable(${name}_tests ${tests})
    target_link_libraries(${name}_tests PRIVATE ${name} ${arg_TEST_LIBS} GTest::gmock GTest::gtest_main)
    target_precompile_headers(${name}_tests REUSE_FROM baro_pch)
    target_compile_definitions(${name}_tests PRIVATE BARO_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
    # Far beyond what it takes under sanitizers on a busy machine: it ends what hangs, it does not judge speed.
    set(properties TIMEOUT 2400)
    if(NOT arg_SHARDS)
      add_test(NAME ${name}_tests COMMAND ${name}_tests)
      set_tests_properties(${name}_tests PROPERTIES ${properties})
      return()
    endif()
    math(EXPR last "${arg_SHARDS} - 1")
    foreach(index RANGE ${last})
      add_test(NAME ${name}_${index}_tests COMMAND ${name}_tests)
      set_tests_properties(
        ${name}_${index}_tests
        PROPERTIES ${properties} COST 100 ENVIRONMENT "GTEST_TOTAL_SHARDS=${arg_SHARDS};GTEST_SHARD_INDEX=${index}")
    endforeach()
  endif()
endfunction()

# baro_program(<target> <output name> SOURCES <files...> LIBS <targets...>): an executable in the root of the build tree.
function(baro_program target output)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${target} ${arg_SOURCES})
  target_link_libraries(${target} PRIVATE baro_flags ${arg_LIBS})
  target_precompile_headers(${target} REUSE_FROM baro_pch)
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${output} RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}")
endfunction()

# baro_fuzzers(<folder>): each <folder>/<name>_fuzz.cpp becomes the libFuzzer program fuzz/<name>. The first line of the
# file names the modules it links: `// fuzz: scraper query`.
function(baro_fuzzers folder)
  file(GLOB files CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/${folder}/*_fuzz.cpp")
  foreach(file IN LISTS files)
    get_filename_component(name "${file}" NAME_WE)
    string(REGEX REPLACE "_fuzz$" "" name "${name}")
    file(STRINGS "${file}" first LIMIT_COUNT 1)
    if(NOT first MATCHES "^// fuzz: (.+)$")
      message(FATAL_ERROR "${file}: the first line must be '// fuzz: <modules>'")
    endif()
    string(REPLACE " " ";" modules "${CMAKE_MATCH_1}")
    add_executable(fuzz_${name} "${file}")
    target_link_libraries(fuzz_${name} PRIVATE ${modules})
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    set_target_properties(fuzz_${name} PROPERTIES OUTPUT_NAME ${name}
                                                  RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/fuzz")
  endforeach()
endfunction()
