// What the allocator keeps of memory that was given back.
#pragma once

namespace baro::base {

/// Gives the operating system the whole pages that nothing of this process lies on any more, in all arenas. Without it
/// glibc keeps what many small allocations leave below one that lives on, each thread for itself.
///
/// Threads  any. Cost: some milliseconds for some hundred MiB, while other threads wait for the arena that is looked
/// at.
///          A C library that cannot do it does nothing.
void ReturnFreedMemory();

}  // namespace baro::base
