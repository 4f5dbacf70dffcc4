# Which commit is built. Sourced, it gives baro_revision(<target>); run as a script at each build, it writes a source
# file, and touches it only when something changed, so that a build without changes stays one.

if(CMAKE_SCRIPT_MODE_FILE)
  find_program(git git)
  set(ENV{TZ} UTC)
  function(ask result)
    set(answer "")
    if(git)
      execute_process(
        COMMAND "${git}" --no-optional-locks -C "${SOURCE_DIR}" ${ARGN}
        OUTPUT_VARIABLE answer
        ERROR_QUIET
        OUTPUT_STRIP_TRAILING_WHITESPACE
        RESULT_VARIABLE code)
      if(NOT code EQUAL 0)
        set(answer "")
      endif()
    endif()
    set(${result} "${answer}" PARENT_SCOPE)
  endfunction()
  ask(revision rev-parse HEAD)
  ask(branch rev-parse --abbrev-ref HEAD)
  ask(date log -1 --format=%cd --date=format-local:%Y%m%d-%H:%M:%S)
  ask(changes status --porcelain --untracked-files=no)
  if(changes)
    string(APPEND revision "-modified")
  endif()
  set(text
      "// Written by cmake/BaroRevision.cmake.
#include \"server/version.h\"

namespace baro::server {
std::string_view Revision() { return R\"baro(${revision})baro\"; }
std::string_view Branch() { return R\"baro(${branch})baro\"; }
std::string_view RevisionDate() { return R\"baro(${date})baro\"; }
}  // namespace baro::server
")
  set(before "")
  if(EXISTS "${OUTPUT}")
    file(READ "${OUTPUT}" before)
  endif()
  if(NOT text STREQUAL before)
    file(WRITE "${OUTPUT}" "${text}")
  endif()
  return()
endif()

# Defines what server/version.h says of the commit, in `target`.
function(baro_revision target)
  set(source "${CMAKE_CURRENT_BINARY_DIR}/revision.cpp")
  add_custom_target(
    ${target}_revision
    COMMAND ${CMAKE_COMMAND} "-DSOURCE_DIR=${PROJECT_SOURCE_DIR}" "-DOUTPUT=${source}" -P
            "${CMAKE_CURRENT_FUNCTION_LIST_FILE}"
    BYPRODUCTS "${source}"
    COMMENT "Looking which commit this is"
    VERBATIM)
  target_sources(${target} PRIVATE "${source}")
  add_dependencies(${target} ${target}_revision)
endfunction()
