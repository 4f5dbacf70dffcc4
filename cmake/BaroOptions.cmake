# Language level, warnings, hardening and tools that every target shares.

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
# O2 rather than O3: hot kernels ask for more where a benchmark shows that it pays. Assertions of ours are always on.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g1")


set(BARO_SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize=")

find_program(BARO_CCACHE ccache)
if(BARO_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${BARO_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${BARO_CCACHE})
endif()

find_package(Threads REQUIRED)
find_package(fmt REQUIRED)

add_library(baro_flags INTERFACE)
target_link_libraries(baro_flags INTERFACE Threads::Threads fmt::fmt)
target_include_directories(baro_flags INTERFACE "${PROJECT_SOURCE_DIR}")
target_compile_options(
  baro_flags
  INTERFACE -Wall
            -Wextra
            -Werror
            -Wshadow
            -Wnon-virtual-dtor
            -Wno-missing-field-initializers
            -fPIE
            -ffile-prefix-map=${PROJECT_SOURCE_DIR}=.)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False positives of g++ 12 in std::string, std::vector and std::expected at -O2 (GCC bugs 105651, 105329, 107852);
  # clang's build and the sanitizers look for the real ones. -fpch-preprocess lets ccache see through the precompiled
  # header.
  target_compile_options(
    baro_flags INTERFACE -Wno-restrict -Wno-maybe-uninitialized -Wno-array-bounds -Wno-stringop-overread
                         -Wno-stringop-overflow -Wno-free-nonheap-object -fpch-preprocess)
else()
  # Deprecated: what libstdc++ 12's std::stable_sort and std::stable_partition use inside.
  target_compile_options(baro_flags INTERFACE -Wthread-safety -Wno-deprecated-declarations)
endif()
target_compile_definitions(baro_flags INTERFACE SPDLOG_FMT_EXTERNAL BOOST_ASIO_NO_DEPRECATED)

if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT BARO_SANITIZE)
  target_compile_options(baro_flags INTERFACE -fstack-protector-strong -fcf-protection -U_FORTIFY_SOURCE
                                              -D_FORTIFY_SOURCE=2 -fstack-clash-protection)
  target_compile_definitions(baro_flags INTERFACE _GLIBCXX_ASSERTIONS)
  target_link_options(baro_flags INTERFACE -pie -Wl,-z,relro,-z,now,-z,noexecstack)
endif()
if(BARO_SANITIZE)
  target_compile_options(baro_flags INTERFACE -fsanitize=${BARO_SANITIZE} -fno-sanitize-recover=all
                                              -fno-omit-frame-pointer -O1)
  target_link_options(baro_flags INTERFACE -fsanitize=${BARO_SANITIZE})
endif()
find_program(BARO_MOLD mold)
if(BARO_MOLD)
  target_link_options(baro_flags INTERFACE -fuse-ld=mold)
endif()

# One precompiled header for everybody: the standard library and fmt, nothing that is slow to change or heavy to keep.
file(WRITE "${PROJECT_BINARY_DIR}/baro_pch.cpp" "// Compiled only to own the shared precompiled header.\n")
add_library(baro_pch OBJECT "${PROJECT_BINARY_DIR}/baro_pch.cpp")
target_link_libraries(baro_pch PRIVATE baro_flags)
target_precompile_headers(
  baro_pch
  PRIVATE
  <algorithm>
  <array>
  <atomic>
  <bit>
  <charconv>
  <chrono>
  <cmath>
  <compare>
  <cstdint>
  <cstring>
  <expected>
  <functional>
  <map>
  <memory>
  <mutex>
  <optional>
  <span>
  <string>
  <string_view>
  <unordered_map>
  <utility>
  <vector>
  <fmt/format.h>)
