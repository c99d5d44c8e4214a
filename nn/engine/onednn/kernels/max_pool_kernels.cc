#include "nn/engine/onednn/kernels/max_pool_kernels.h"

#include <algorithm>
#include <limits>
#include <type_traits>

#include "nn/engine/onednn/kernels/parallel.h"

namespace halftone {
namespace {

// Lanes that are pooled side by side where there are as many.
constexpr int64_t kSideBySide = 16;

// The kernel positions [begin, end) of one window that lie inside of src on one axis.
struct Reach {
  int64_t origin;  // of kernel position 0, in src
  int64_t begin;
  int64_t end;
};

Reach ReachOf(const PoolGeometry& pool, size_t axis, int64_t position) {
  const int64_t dilation = pool.dilations[axis];
  const int64_t origin = position * pool.strides[axis] - pool.pads[axis];
  const int64_t begin = origin < 0 ? (-origin + dilation - 1) / dilation : 0;
  const int64_t inside = pool.src[axis] - origin;
  const int64_t end =
      inside <= 0 ? 0 : std::min(pool.kernel[axis], (inside + dilation - 1) / dilation);
  return {origin, begin, end};
}

int64_t Volume(const std::array<int64_t, 3>& sizes) { return sizes[0] * sizes[1] * sizes[2]; }

// The largest element of a window in each of `Lanes` lanes, and its place in a plane of src.
// Narrow places go with their values through vector registers.
template <int64_t Lanes>
struct Maxima {
  using Place = std::conditional_t<Lanes == 1, int64_t, int32_t>;
  float values[Lanes];
  Place places[Lanes];
};

int64_t PlaceOf(const PoolGeometry& pool, const std::array<Reach, 3>& reach, int64_t d, int64_t h,
                int64_t w) {
  const int64_t depth = (reach[0].origin + d * pool.dilations[0]) * pool.src[1];
  const int64_t row = depth + reach[1].origin + h * pool.dilations[1];
  return row * pool.src[2] + reach[2].origin + w * pool.dilations[2];
}

// Every window meets an element of src: shape inference refuses others.
template <int64_t Lanes>
[[gnu::always_inline]] inline void FindMaxima(const PoolGeometry& pool, const float* plane,
                                              const std::array<Reach, 3>& reach,
                                              Maxima<Lanes>& best) {
  using Place = typename Maxima<Lanes>::Place;
  const int64_t first = PlaceOf(pool, reach, reach[0].begin, reach[1].begin, reach[2].begin);
  for (int64_t lane = 0; lane < Lanes; ++lane) {
    best.values[lane] = plane[first * pool.lanes + lane];
    best.places[lane] = static_cast<Place>(first);
  }
  for (int64_t d = reach[0].begin; d < reach[0].end; ++d) {
    for (int64_t h = reach[1].begin; h < reach[1].end; ++h) {
      int64_t place = PlaceOf(pool, reach, d, h, reach[2].begin);
      for (int64_t w = reach[2].begin; w < reach[2].end; ++w, place += pool.dilations[2]) {
        const float* const values = plane + place * pool.lanes;
        for (int64_t lane = 0; lane < Lanes; ++lane) {
          const bool better = values[lane] > best.values[lane];
          best.values[lane] = better ? values[lane] : best.values[lane];
          best.places[lane] = better ? static_cast<Place>(place) : best.places[lane];
        }
      }
    }
  }
}

// Calls visit(place in a plane of dst, maxima) for every window of a plane.
template <int64_t Lanes, typename Visit>
[[gnu::always_inline]] inline void ForEachWindow(const PoolGeometry& pool, const float* plane,
                                                 const Visit& visit) {
  Maxima<Lanes> best;
  int64_t place = 0;
  for (int64_t d = 0; d < pool.dst[0]; ++d) {
    for (int64_t h = 0; h < pool.dst[1]; ++h) {
      std::array<Reach, 3> reach{ReachOf(pool, 0, d), ReachOf(pool, 1, h), Reach{}};
      for (int64_t w = 0; w < pool.dst[2]; ++w, ++place) {
        reach[2] = ReachOf(pool, 2, w);
        FindMaxima(pool, plane, reach, best);
        visit(place, best);
      }
    }
  }
}

// What is done on the lanes of one plane: `src` decides, `from` is moved to `to`.
struct Plane {
  const float* src;
  const float* from;
  float* to;
};

template <int64_t Lanes>
[[gnu::always_inline]] inline void Pool(const PoolGeometry& pool, const Plane& plane) {
  ForEachWindow<Lanes>(pool, plane.src, [&](int64_t place, const Maxima<Lanes>& best) {
    float* const to = plane.to + place * pool.lanes;
    for (int64_t lane = 0; lane < Lanes; ++lane) to[lane] = best.values[lane];
  });
}

template <int64_t Lanes>
[[gnu::always_inline]] inline void Scatter(const PoolGeometry& pool, const Plane& plane) {
  ForEachWindow<Lanes>(pool, plane.src, [&](int64_t place, const Maxima<Lanes>& best) {
    const float* const from = plane.from + place * pool.lanes;
    for (int64_t lane = 0; lane < Lanes; ++lane) {
      plane.to[best.places[lane] * pool.lanes + lane] += from[lane];
    }
  });
}

template <int64_t Lanes>
[[gnu::always_inline]] inline void Gather(const PoolGeometry& pool, const Plane& plane) {
  ForEachWindow<Lanes>(pool, plane.src, [&](int64_t place, const Maxima<Lanes>& best) {
    float* const to = plane.to + place * pool.lanes;
    for (int64_t lane = 0; lane < Lanes; ++lane) {
      to[lane] = plane.from[best.places[lane] * pool.lanes + lane];
    }
  });
}

using PlaneFunction = void (*)(const PoolGeometry&, const Plane&);

HT_TARGET_CLONES void PoolMany(const PoolGeometry& pool, const Plane& plane) {
  Pool<kSideBySide>(pool, plane);
}
HT_TARGET_CLONES void ScatterMany(const PoolGeometry& pool, const Plane& plane) {
  Scatter<kSideBySide>(pool, plane);
}
HT_TARGET_CLONES void GatherMany(const PoolGeometry& pool, const Plane& plane) {
  Gather<kSideBySide>(pool, plane);
}
void PoolOne(const PoolGeometry& pool, const Plane& plane) { Pool<1>(pool, plane); }
void ScatterOne(const PoolGeometry& pool, const Plane& plane) { Scatter<1>(pool, plane); }
void GatherOne(const PoolGeometry& pool, const Plane& plane) { Gather<1>(pool, plane); }

// Runs `many` on groups of lanes and `one` on those that remain. `plane` is the first plane.
void RunLanes(const PoolGeometry& pool, const Plane& plane, PlaneFunction many, PlaneFunction one) {
  const bool narrow = Volume(pool.src) <= std::numeric_limits<int32_t>::max();
  for (int64_t lane = 0; lane < pool.lanes;) {
    const bool group = narrow && pool.lanes - lane >= kSideBySide;
    const Plane at{plane.src + lane, plane.from + lane, plane.to + lane};
    (group ? many : one)(pool, at);
    lane += group ? kSideBySide : 1;
  }
}

template <typename Visit>
void ForEachPlane(const PoolGeometry& pool, const Visit& visit) {
  const int64_t work = std::max<int64_t>(1, Volume(pool.dst) * Volume(pool.kernel) * pool.lanes);
  ParallelFor(pool.planes, std::max<int64_t>(1, kParallelGrain / work),
              [&](int64_t begin, int64_t end) {
                for (int64_t plane = begin; plane < end; ++plane) visit(plane);
              });
}

}  // namespace

PoolGeometry::PoolGeometry(const Shape& src_shape, const Shape& dst_shape, const PoolWindow& window,
                           int64_t channels, int64_t lanes)
    : planes(src_shape.dim(0) * (channels / lanes)), lanes(lanes) {
  const auto axes = static_cast<size_t>(src_shape.rank() - 2);
  for (size_t i = 0; i < axes; ++i) {
    const size_t axis = i + 3 - axes;
    src[axis] = src_shape.dim(static_cast<int>(i) + 2);
    dst[axis] = dst_shape.dim(static_cast<int>(i) + 2);
    kernel[axis] = window.kernel[i];
    strides[axis] = window.strides[i];
    dilations[axis] = window.dilations[i];
    pads[axis] = window.pads_begin[i];
  }
}

void MaxPoolKernel(const PoolGeometry& pool, const float* src, float* dst) {
  const int64_t src_size = Volume(pool.src) * pool.lanes, dst_size = Volume(pool.dst) * pool.lanes;
  ForEachPlane(pool, [&](int64_t plane) {
    const float* const from = src + plane * src_size;
    RunLanes(pool, {from, from, dst + plane * dst_size}, PoolMany, PoolOne);
  });
}

void MaxPoolScatterKernel(const PoolGeometry& pool, const float* diff_dst, const float* src,
                          float* diff_src) {
  const int64_t src_size = Volume(pool.src) * pool.lanes, dst_size = Volume(pool.dst) * pool.lanes;
  ForEachPlane(pool, [&](int64_t plane) {
    float* const to = diff_src + plane * src_size;
    std::fill(to, to + src_size, 0.0f);
    RunLanes(pool, {src + plane * src_size, diff_dst + plane * dst_size, to}, ScatterMany,
             ScatterOne);
  });
}

void MaxPoolGatherKernel(const PoolGeometry& pool, const float* tensor, const float* src,
                         float* dst) {
  const int64_t src_size = Volume(pool.src) * pool.lanes, dst_size = Volume(pool.dst) * pool.lanes;
  ForEachPlane(pool, [&](int64_t plane) {
    RunLanes(pool, {src + plane * src_size, tensor + plane * src_size, dst + plane * dst_size},
             GatherMany, GatherOne);
  });
}

}  // namespace halftone
