#include "query/func/elementwise.h"

#include <chrono>
#include <cmath>
#include <limits>
#include <numbers>

namespace baro::query::func {
namespace {

double Sign(double value) {
  if (value < 0) return -1;
  if (value > 0) return 1;
  return value;  // 0, -0 and NaN stay
}

// As Go's, which are infinite as soon as exp() is.
double HyperbolicSine(double x) {
  return std::fabs(x) > 21 ? std::copysign(std::exp(std::fabs(x)) / 2, x) : std::sinh(x);
}
double HyperbolicCosine(double x) { return std::fabs(x) > 21 ? std::exp(std::fabs(x)) / 2 : std::cosh(x); }

// Seconds as an integer, as Go converts floats: out of range becomes the smallest integer.
std::int64_t WholeSeconds(double seconds) {
  if (!(seconds >= -0x1p63 && seconds < 0x1p63)) return std::numeric_limits<std::int64_t>::min();
  return static_cast<std::int64_t>(seconds);
}

// Days since the epoch; years beyond what the calendar type holds wrap as the days of a 400-year cycle do.
constexpr std::int64_t kSecondsPerDay = 86'400;
constexpr std::int64_t kDaysPerCycle = 146'097;
// Go's calendar counts seconds from the year -292277022400 on, without a sign; what is before that wraps round, by 2^64
// seconds. So Prometheus answers for NaN, infinities and what else is out of range: 292277026596-12-04 15:30:08.
constexpr std::int64_t kCalendarBegin_s = -9'223'372'028'741'760'000;

struct Date {
  std::int64_t year;
  unsigned month;
  unsigned day;
  std::int64_t days;    // since the epoch
  std::int64_t second;  // of the day
};

Date DateOf(double seconds) {
  const std::int64_t whole = WholeSeconds(seconds);
  std::int64_t days = whole / kSecondsPerDay;
  std::int64_t second = whole % kSecondsPerDay;
  if (whole < kCalendarBegin_s) {
    const auto wrapped = static_cast<std::uint64_t>(whole);
    days = static_cast<std::int64_t>(wrapped / kSecondsPerDay);
    second = static_cast<std::int64_t>(wrapped % kSecondsPerDay);
  } else if (second < 0) {
    second += kSecondsPerDay;
    --days;
  }
  std::int64_t cycles = days / kDaysPerCycle;
  std::int64_t day_of_cycle = days % kDaysPerCycle;
  if (day_of_cycle < 0) {
    day_of_cycle += kDaysPerCycle;
    --cycles;
  }
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(day_of_cycle))};
  return {.year = static_cast<int>(date.year()) + cycles * 400,
          .month = static_cast<unsigned>(date.month()),
          .day = static_cast<unsigned>(date.day()),
          .days = days,
          .second = second};
}

bool IsLeap(std::int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

double DaysInMonth(double seconds) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const Date date = DateOf(seconds);
  return date.month == 2 && IsLeap(date.year) ? 29 : kDays[date.month - 1];
}

double DayOfYear(double seconds) {
  constexpr int kDaysBefore[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
  const Date date = DateOf(seconds);
  return kDaysBefore[date.month - 1] + static_cast<int>(date.day) + (date.month > 2 && IsLeap(date.year) ? 1 : 0);
}

double DayOfWeek(double seconds) {
  const std::int64_t day = (DateOf(seconds).days + 4) % 7;  // the epoch was a Thursday
  return static_cast<double>(day < 0 ? day + 7 : day);
}

}  // namespace

UnaryFunction FindUnary(Function function) {
  switch (function) {
    case Function::kAbs:
      return [](double x) { return std::fabs(x); };
    case Function::kAcos:
      return [](double x) { return std::acos(x); };
    case Function::kAcosh:
      return [](double x) { return std::acosh(x); };
    case Function::kAsin:
      return [](double x) { return std::asin(x); };
    case Function::kAsinh:
      return [](double x) { return std::asinh(x); };
    case Function::kAtan:
      return [](double x) { return std::atan(x); };
    case Function::kAtanh:
      return [](double x) { return std::atanh(x); };
    case Function::kCeil:
      return [](double x) { return std::ceil(x); };
    case Function::kCos:
      return [](double x) { return std::cos(x); };
    case Function::kCosh:
      return HyperbolicCosine;
    case Function::kDeg:
      return [](double x) { return x * 180 / std::numbers::pi; };
    case Function::kExp:
      return [](double x) { return std::exp(x); };
    case Function::kFloor:
      return [](double x) { return std::floor(x); };
    case Function::kLn:
      return [](double x) { return std::log(x); };
    case Function::kLog10:
      return [](double x) { return std::log10(x); };
    case Function::kLog2:
      return [](double x) { return std::log2(x); };
    case Function::kRad:
      return [](double x) { return x * std::numbers::pi / 180; };
    case Function::kSgn:
      return Sign;
    case Function::kSin:
      return [](double x) { return std::sin(x); };
    case Function::kSinh:
      return HyperbolicSine;
    case Function::kSqrt:
      return [](double x) { return std::sqrt(x); };
    case Function::kTan:
      return [](double x) { return std::tan(x); };
    case Function::kTanh:
      return [](double x) { return std::tanh(x); };
    case Function::kMinute:
      return [](double x) { return static_cast<double>(DateOf(x).second / 60 % 60); };
    case Function::kHour:
      return [](double x) {
        const std::int64_t hour = DateOf(x).second / 3600;
        return static_cast<double>(hour);
      };
    case Function::kDayOfMonth:
      return [](double x) { return static_cast<double>(DateOf(x).day); };
    case Function::kMonth:
      return [](double x) { return static_cast<double>(DateOf(x).month); };
    case Function::kYear:
      return [](double x) { return static_cast<double>(DateOf(x).year); };
    case Function::kDayOfWeek:
      return DayOfWeek;
    case Function::kDayOfYear:
      return DayOfYear;
    case Function::kDaysInMonth:
      return DaysInMonth;
    default:
      return nullptr;
  }
}

bool IsDateFunction(Function function) {
  switch (function) {
    case Function::kMinute:
    case Function::kHour:
    case Function::kDayOfMonth:
    case Function::kMonth:
    case Function::kYear:
    case Function::kDayOfWeek:
    case Function::kDayOfYear:
    case Function::kDaysInMonth:
      return true;
    default:
      return false;
  }
}

double RoundTo(double value, double to) {
  // Prometheus multiplies with the inverse, so that 0.1-like multiples do not come out as 0.30000000000000004.
  const double inverse = 1 / to;
  return std::floor(value * inverse + 0.5) / inverse;
}

double Modulo(double a, double b) { return std::fmod(a, b); }

double Power(double a, double b) { return std::pow(a, b); }

}  // namespace baro::query::func
