use super::*;
use crate::registry::export::samples;

#[test]
fn see() {
    println!("{}", yaml(&samples::definitions()));
}
