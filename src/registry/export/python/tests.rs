use super::*;
use crate::registry::export::samples;

#[test]
fn see() {
    println!("{}", python(&samples::definitions()));
}
