#ifndef HALFTONE_BASE_HEAP_MEMORY_H_
#define HALFTONE_BASE_HEAP_MEMORY_H_

// What containers take of the heap beside their elements, in bytes, with libstdc++ and glibc on 64
// bits: for estimates of memory.
namespace halftone {

// Of one allocation: its header, and what its size is rounded up by.
inline constexpr double kAllocationBytes = 16;
// Of an element of a std::map or std::set, with itself, but for what it points to.
template <typename Element>
inline constexpr double kNodeBytes = 32 + sizeof(Element) + kAllocationBytes;

}  // namespace halftone

#endif  // HALFTONE_BASE_HEAP_MEMORY_H_
